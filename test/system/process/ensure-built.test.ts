import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { onCleanup } from '../../harness/cleanup.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');

const SANDBOX_PAGE = ['sandbox.ts', 'sandbox.css', 'index.html', 'icon.svg'];

/** A project like this one, with a single source that says something, and packages of one file each. */
async function clone(packages: Readonly<Record<string, string>> = {}) {
  const path = await mkdtemp(join(tmpdir(), 'clone-'));
  onCleanup(() => rm(path, { recursive: true, force: true }));
  for (const folder of ['ops', 'openapi', 'src/cli', 'ui/src/sandbox'])
    await mkdir(join(path, folder), { recursive: true });
  for (const name of [
    'ops/ensure-built.mjs',
    'ops/build.mjs',
    'ops/alone.mjs',
    'ops/run.mjs',
    'tsconfig.json',
    'ui/tsconfig.json',
    'openapi/examples.json',
    'package.json',
  ]) {
    await copyFile(join(ROOT, name), join(path, name));
  }
  await writeFile(join(path, 'package-lock.json'), '{}');
  await mkdir(join(path, 'node_modules'));
  for (const name of ['esbuild', '@esbuild']) {
    await symlink(join(ROOT, 'node_modules', name), join(path, 'node_modules', name));
  }
  for (const [name, text] of Object.entries(packages)) {
    await mkdir(join(path, 'node_modules', name));
    await writeFile(join(path, 'node_modules', name, 'package.json'), JSON.stringify({ name }));
    await writeFile(join(path, 'node_modules', name, 'index.js'), text);
  }
  const say = (what: string) => writeFile(join(path, 'src/main.ts'), what);
  const ensure = () =>
    run(process.execPath, [join(path, 'ops/ensure-built.mjs')], { cwd: '/' }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    );
  await say('export const word: string = 1;');
  await writeFile(join(path, 'src/cli/ops.ts'), '');
  const sayInPage = (what: string) => writeFile(join(path, 'ui/src/index.ts'), what);
  await sayInPage('');
  for (const name of SANDBOX_PAGE) await writeFile(join(path, 'ui/src/sandbox', name), '');
  return {
    say,
    sayInPage,
    ensure,
    built: () => readFile(join(path, 'dist/main.js'), 'utf8'),
    builtPage: () => readFile(join(path, 'dist/ui/resolution-center.js'), 'utf8'),
  };
}

describe('what is started', () => {
  test('is built once for each change of a source', async () => {
    const { say, ensure, built } = await clone();
    expect((await ensure()).stderr).toMatch(/^Building[^\n]*\n$/);
    expect(await built()).toContain('var word = 1;');
    expect(await ensure()).toEqual({ code: 0, stdout: '', stderr: '' });
    await say('export const word = "changed";');
    expect((await ensure()).stderr).toMatch(/^Building/);
    expect(await built()).toContain('changed');
  });

  test('is built for a change of what browsers load, too', async () => {
    const { sayInPage, ensure, builtPage } = await clone();
    await ensure();
    await sayInPage('export const word: string = "of a page";');
    expect((await ensure()).stderr).toMatch(/^Building/);
    expect(await builtPage()).toContain('of a page');
  });

  test('is not built from what is no program, and is built when it is one', async () => {
    const { say, ensure, built } = await clone();
    await say('export const = ;');
    const { code, stderr } = await ensure();
    expect(code).toBe(1);
    expect(stderr).toContain('src/main.ts:1:13');
    expect(stderr).toMatch(/\nThe service could not be built: the build ended with \d+\n$/);
    expect((await ensure()).code).toBe(1);
    await say('export const word = 2;');
    expect((await ensure()).code).toBe(0);
    expect(await built()).toContain('word = 2');
  });
});

describe('what a bundle would break', () => {
  test.each([
    ['a package of CommonJS that is imported dynamically', "await import('common-js');", 'the default export alone'],
    ['a package that looks for files beside itself', "import 'beside-itself';", 'looks for files beside itself'],
  ])('ends the build: %s', async (_what, source, fault) => {
    const { say, ensure } = await clone({
      'common-js': 'exports.copy = () => {};',
      'beside-itself': "exports.file = require('node:path').join(__dirname, 'words.txt');",
    });
    await say(source);
    expect(await ensure()).toMatchObject({ code: 1, stderr: expect.stringContaining(fault) });
  });
});
