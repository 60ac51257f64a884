import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { onCleanup } from '../harness/cleanup.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

/** A project like this one, with a single source that says something. */
async function clone() {
  const path = await mkdtemp(join(tmpdir(), 'clone-'));
  onCleanup(() => rm(path, { recursive: true, force: true }));
  for (const folder of ['ops', 'src/words']) await mkdir(join(path, folder), { recursive: true });
  for (const name of [
    'ops/ensure-built.mjs',
    'ops/alone.mjs',
    'tsconfig.json',
    'tsconfig.build.json',
    'package.json',
  ]) {
    await copyFile(join(ROOT, name), join(path, name));
  }
  await writeFile(join(path, 'package-lock.json'), '{}');
  await symlink(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  const say = (what: string) => writeFile(join(path, 'src/words/main.ts'), what);
  const ensure = () =>
    run(process.execPath, [join(path, 'ops/ensure-built.mjs')], { cwd: '/' }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
      ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
    );
  await say('export const word: string = 1;');
  return { say, ensure, built: () => readFile(join(path, 'dist/words/main.js'), 'utf8') };
}

describe('what is started', () => {
  test('is built once for each change of a source', async () => {
    const { say, ensure, built } = await clone();
    expect((await ensure()).stdout).toMatch(/^Building[^\n]*\n$/);
    expect(await built()).toContain('export const word = 1;');
    expect(await ensure()).toEqual({ code: 0, stdout: '', stderr: '' });
    await say('export const word = "changed";');
    expect((await ensure()).stdout).toMatch(/^Building/);
    expect(await built()).toContain('changed');
  });

  test('is not built from what is no program, and is built when it is one', async () => {
    const { say, ensure, built } = await clone();
    await say('export const = ;');
    const { code, stdout, stderr } = await ensure();
    expect(code).toBe(1);
    expect(stdout).toContain('src/words/main.ts(1,14)');
    expect(stderr).toMatch(/^The service could not be built: the compiler ended with \d+\n$/);
    expect((await ensure()).code).toBe(1);
    await say('export const word = 2;');
    expect((await ensure()).code).toBe(0);
    expect(await built()).toContain('word = 2');
  });
});
