import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/**
 * Builds the service into a directory of its own, with all that it needs beside it, so that nothing which happens to the
 * checkout meanwhile changes what is being tested.
 * @returns the directory to start `dist/main.js` in
 */
export async function buildService(home: string): Promise<string> {
  const app = join(home, 'service');
  await mkdir(app, { recursive: true });
  await chmod(home, 0o755);
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const options = ['-p', 'tsconfig.build.json', '--outDir', join(app, 'dist'), '--sourceMap', 'false'];
  execFileSync(process.execPath, [compiler, ...options], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  await cp(join(ROOT, 'package.json'), join(app, 'package.json'));
  await cp(join(ROOT, 'migrations'), join(app, 'migrations'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(app, 'node_modules'));
  return app;
}
