import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Builds the service's programs, or those that are named, into a directory. */
export function bundle(directory: string, ...programs: readonly string[]): void {
  const args = [join(ROOT, 'ops/build.mjs'), directory, ...programs];
  execFileSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

/**
 * Builds the service into a directory of its own, with all that it needs beside it, so that nothing which happens to the
 * checkout meanwhile changes what is being tested.
 * @returns the directory to start `dist/main.js` in
 */
export async function buildService(home: string): Promise<string> {
  const app = join(home, 'service');
  await mkdir(app, { recursive: true });
  await chmod(home, 0o755);
  bundle(join(app, 'dist'));
  await cp(join(ROOT, 'package.json'), join(app, 'package.json'));
  await cp(join(ROOT, 'migrations'), join(app, 'migrations'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  return app;
}
