import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');

/**
 * Builds the service's programs, or those that are named, into a directory, as `npm start` and the image do.
 * @throws with what the build said, if it failed
 */
export async function bundle(directory: string, ...programs: readonly string[]): Promise<void> {
  await run(process.execPath, [join(ROOT, 'ops/build.mjs'), directory, ...programs]);
}

/**
 * Builds the service into a directory of its own, with all that the image has beside it. The checkout is only read, so it may
 * change meanwhile, belong to another user, or be built by another process.
 * @returns the directory to start `dist/main.js` in
 */
export async function buildService(home: string): Promise<string> {
  const app = join(home, 'service');
  await mkdir(app, { recursive: true });
  await chmod(home, 0o755);
  await bundle(join(app, 'dist'));
  await cp(join(ROOT, 'package.json'), join(app, 'package.json'));
  await cp(join(ROOT, 'migrations'), join(app, 'migrations'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  return app;
}
