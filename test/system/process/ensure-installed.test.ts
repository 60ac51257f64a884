import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { onCleanup } from '../../harness/cleanup.ts';

const run = promisify(execFile);
const OPS = join(import.meta.dirname, '../../../ops');

interface Clone {
  readonly path: string;
  /** Runs the script, as `npm start` and `npm test` do, and returns what it says. */
  readonly ensure: (env?: Record<string, string>) => Promise<string>;
  /** Makes a version of the only package, and returns where it is. */
  readonly pack: (version: string) => Promise<string>;
  /** Makes the lock file ask for a version of it, as a development dependency. */
  readonly lock: (version: string) => Promise<void>;
  readonly npm: (...args: string[]) => Promise<unknown>;
  readonly installed: () => Promise<string>;
}

/** A project like this one, whose only package lies in a folder beside it, so that no registry is asked. */
async function clone(): Promise<Clone> {
  const base = await mkdtemp(join(tmpdir(), 'clone-'));
  onCleanup(() => rm(base, { recursive: true, force: true }));
  const path = join(base, 'project');
  await mkdir(join(path, 'ops'), { recursive: true });
  for (const script of ['ensure-installed.mjs', 'alone.mjs', 'run.mjs'])
    await copyFile(join(OPS, script), join(path, 'ops', script));
  const environment = { ...process.env, NODE_ENV: 'test', npm_config_cache: join(base, 'cache') };
  const npm = (...args: string[]) => run('npm', args, { cwd: path, env: environment });
  const pack = async (version: string) => {
    const part = join(base, `part-${version}`);
    await mkdir(part);
    await writeFile(join(part, 'package.json'), JSON.stringify({ name: 'part', version }));
    const { stdout } = await run('npm', ['pack', part, '--silent'], { cwd: base, env: environment });
    return `file:../${stdout.trim()}`;
  };
  const lock = async (version: string) => {
    const devDependencies = { part: await pack(version) };
    await writeFile(join(path, 'package.json'), JSON.stringify({ name: 'project', version: '1.0.0', devDependencies }));
    await npm('install', '--package-lock-only', '--no-audit');
  };
  const ensure = async (env: Record<string, string> = {}) => {
    const script = join(path, 'ops/ensure-installed.mjs');
    const { stderr } = await run(process.execPath, [script], { cwd: '/', env: { ...environment, ...env } });
    return stderr;
  };
  const installed = async () =>
    (JSON.parse(await readFile(join(path, 'node_modules/part/package.json'), 'utf8')) as { version: string }).version;
  await lock('1.0.0');
  return { path, ensure, pack, lock, npm, installed };
}

describe('the packages of a clone', () => {
  test('are installed once for each lock file, in production as well', async () => {
    const { ensure, lock, installed } = await clone();
    expect(await ensure({ NODE_ENV: 'production' })).toMatch(/^Installing packages[^\n]*\n$/);
    expect(await installed()).toBe('1.0.0');
    expect(await ensure()).toBe('');
    await lock('2.0.0');
    expect(await ensure()).toMatch(/^Installing/);
    expect(await installed()).toBe('2.0.0');
  });

  test('are left alone when they were installed by hand', async () => {
    const { ensure, pack, npm, installed } = await clone();
    await npm('ci', '--no-audit');
    expect(await ensure()).toBe('');
    await npm('install', '--save-dev', '--no-audit', await pack('2.0.0'));
    expect(await ensure()).toBe('');
    expect(await installed()).toBe('2.0.0');
  });

  test('are completed when only those of production are there', async () => {
    const { ensure, npm, installed } = await clone();
    await npm('ci', '--omit=dev', '--no-audit');
    expect(await ensure()).toMatch(/^Installing/);
    expect(await installed()).toBe('1.0.0');
  });

  test('are installed by one of two that start at once', async () => {
    const { ensure, installed } = await clone();
    const said = await Promise.all([ensure(), ensure()]);
    expect(said.filter((text) => text.includes('Installing'))).toHaveLength(1);
    expect(await installed()).toBe('1.0.0');
  });

  test('are installed although an earlier attempt was killed, and its pid belongs to another now', async () => {
    const { path, ensure, installed } = await clone();
    const unrelated = spawn('sleep', ['600'], { stdio: 'ignore' });
    onCleanup(async () => void unrelated.kill());
    await once(unrelated, 'spawn');
    await mkdir(join(path, '.data'));
    await writeFile(join(path, '.data/installing'), `${unrelated.pid} 1`);
    expect(await ensure()).toMatch(/Installing/);
    expect(await installed()).toBe('1.0.0');
    await expect(stat(join(path, '.data/installing'))).rejects.toThrow(/ENOENT/);
  });

  test('end the start with what npm says and one line more when they cannot be installed', async () => {
    const { path, ensure } = await clone();
    await writeFile(join(path, 'package.json'), JSON.stringify({ name: 'project', dependencies: { other: '1.0.0' } }));
    const failure = (await ensure().catch((error: unknown) => error)) as { code: number; stderr: string };
    expect(failure.code).toBe(1);
    expect(failure.stderr).toMatch(/in sync.*\nThe packages could not be installed: npm ci ended with 1\n$/s);
  });
});
