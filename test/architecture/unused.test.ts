import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { onCleanup } from '../harness/cleanup.ts';
import { LONG } from '../harness/run/long.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const COPIED = ['src', 'ui', 'ops', 'examples', 'test', 'knip.jsonc', 'tsconfig.json', 'vitest.config.ts'];

/** A copy of the checkout with one more dependency, and what knip says of it. */
async function checkWith(name: string, version: string): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'resolution-center-unused-'));
  onCleanup(() => rm(root, { recursive: true, force: true }));
  await Promise.all(COPIED.map((one) => cp(join(ROOT, one), join(root, one), { recursive: true })));
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  manifest.dependencies[name] = version;
  await writeFile(join(root, 'package.json'), JSON.stringify(manifest));
  const knip = join(ROOT, 'node_modules/knip/bin/knip.js');
  const result = run(process.execPath, [knip, '--directory', root, '--dependencies'], {
    env: { ...process.env, NO_COLOR: '1' },
  });
  return await result.then(
    () => '',
    ({ stdout }: { stdout: string }) => stdout,
  );
}

test.runIf(LONG)('a dependency that nothing imports fails the check, and no other does', async () => {
  expect(await checkWith('left-pad', '1.3.0')).toMatch(/Unused dependencies \(1\)\s+left-pad/);
});
