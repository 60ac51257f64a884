import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onCleanup } from '../cleanup.ts';
import { killProcessesOf } from './left-behind.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');

// Tracked and untracked files as they are now, and the build. `cp` keeps the times: the build is recognised by them.
const COPY = `{ git ls-files -z --cached --others --exclude-standard; find dist -type f -print0; } |
  xargs -0 sh -c 'for file; do if [ -e "$file" ]; then printf "%s\\0" "$file"; fi; done' sh | xargs -0 cp -p --parents -t "$1"`;

/**
 * Copies this working tree, already built, to a directory that every account may enter (PostgreSQL does not run as root).
 * The copy shares `node_modules` and has no `.data`. At the end of the test file its processes are killed and it is removed.
 * @returns the path of the copy
 */
export async function copyCheckout(): Promise<string> {
  await run(process.execPath, ['ops/ensure-built.mjs'], { cwd: ROOT });
  const base = await mkdtemp(join(tmpdir(), 'checkout-'));
  onCleanup(async () => {
    await killProcessesOf(base);
    await rm(base, { recursive: true, force: true });
  });
  await chmod(base, 0o755);
  const path = join(base, 'checkout');
  await mkdir(path);
  await run('sh', ['-c', COPY, 'sh', path], { cwd: ROOT });
  await symlink(join(ROOT, 'node_modules'), join(path, 'node_modules'));
  return path;
}
