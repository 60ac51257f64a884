import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { readIfPresent, replaceFile } from '../../platform/small-files.ts';
import { lastLines, openLog } from './files.ts';
import { identity, packagedMajor, preparePostgresBinaries, runAs, serverEnvironment } from './postgres-binaries.ts';
import { type Account, clusterOf, type PostgresHome, preparePostgresHome } from './postgres-home.ts';
import {
  commandLine,
  freePort,
  poll,
  processesIn,
  type Say,
  sendSignal,
  waitForExit,
  waitForStart,
  watchEnd,
} from './processes.ts';

export interface EmbeddedServer {
  readonly url: string;
  readonly pid: number;
  /** Whether it was running already: an earlier process left it behind, or another one of this checkout uses it. */
  readonly adopted: boolean;
  readonly stop: () => Promise<void>;
}

export interface ServerOptions {
  /** Where the data is kept; everything there belongs to the embedded servers. */
  readonly dataDir: string;
  /** False for disposable data: faster, and lost in a crash of the machine. */
  readonly durable: boolean;
  readonly say: Say;
  /** Calls the start off: what was begun is stopped, and the start rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const START_MS = 30_000;
const STOP_MS = 10_000;
const ATTEMPTS = 5;
const DRAFT = 'unfinished-cluster-';

const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=200',
  'timezone=UTC',
  'log_timezone=UTC',
];
const CARELESS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

async function passwordOf(dataDir: string): Promise<string> {
  const file = join(dataDir, 'postgres-password');
  const known = (await readIfPresent(file))?.trim();
  if (known !== undefined && known !== '') return known;
  const cluster = await clusterOf(dataDir);
  if (existsSync(cluster)) {
    throw new Error(`${file}, the password of ${cluster}, is lost: restore it, or delete ${cluster} with all its data`);
  }
  const password = randomBytes(24).toString('base64url');
  await replaceFile(file, `${password}\n`);
  return password;
}

async function give(path: string, account: Account | undefined): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid);
}

/** Makes the cluster beside its place and moves it there when it is whole, so that none is ever found half made. */
async function makeCluster(
  cluster: string,
  bin: string,
  { account }: PostgresHome,
  password: string,
  signal?: AbortSignal,
): Promise<void> {
  const home = dirname(cluster);
  for (const name of await readdir(home)) {
    if (name.startsWith(DRAFT)) await rm(join(home, name), { recursive: true, force: true });
  }
  const draft = await mkdtemp(join(home, DRAFT));
  try {
    await chmod(draft, 0o700);
    const passwordFile = join(draft, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    await give(passwordFile, account);
    await give(draft, account);
    const options = ['-A', 'scram-sha-256', '-U', 'postgres', `--pwfile=${passwordFile}`, '-E', 'UTF8'];
    const data = join(draft, 'data');
    await runAs(account, join(bin, 'initdb'), [...options, '--locale=C.UTF-8', '--no-sync', '-D', data], signal);
    await rename(data, cluster);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/**
 * Makes sure that PostgreSQL can start on a cluster: it does so only on the data of its own major version.
 * @throws Error that says what to do, if it cannot
 */
async function checkVersion(cluster: string): Promise<void> {
  const found = (await readIfPresent(join(cluster, 'PG_VERSION')))?.trim() ?? '';
  const ours = await packagedMajor();
  if (found === ours) return;
  const anew = `move ${cluster} away to begin with an empty database`;
  if (!/^\d+$/.test(found)) {
    throw new Error(`${cluster} is damaged, since its PG_VERSION is missing or empty: restore it, or ${anew}`);
  }
  throw new Error(
    `${cluster} has the data of PostgreSQL ${found}, and the development packages have PostgreSQL ${ours}: ` +
      `start the release of the service that made it, or ${anew}`,
  );
}

const WRONG_PASSWORD = '28P01';

/** @throws Error if the server is up and has another password: waiting changes nothing then */
async function answers(url: string): Promise<true | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => {}); // what fails is also raised by the query that it fails
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code !== WRONG_PASSWORD) return undefined;
    throw new Error('the file postgres-password is not that of the PostgreSQL beside it: restore it', { cause: error });
  } finally {
    await client.end().catch(() => {});
  }
}

const urlOf = (port: number | string, password: string): string =>
  `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;

async function stopProcess(pid: number): Promise<void> {
  sendSignal(pid, 'SIGINT'); // PostgreSQL's fast shutdown: it does not wait for clients
  if (await waitForExit(pid, STOP_MS)) return;
  sendSignal(pid, 'SIGQUIT');
  await waitForExit(pid, STOP_MS);
}

/**
 * The process that runs on a cluster, if one does. A pid file that an unrelated process has come to match is taken away,
 * since it would keep PostgreSQL from starting; PostgreSQL itself takes away one whose process is gone.
 */
async function findProcess(cluster: string): Promise<{ pid: number; port: string } | undefined> {
  const pidFile = join(cluster, 'postmaster.pid');
  const [first, , , port = ''] = (await readIfPresent(pidFile))?.split('\n') ?? [];
  const pid = Number(first);
  if (first === undefined || !Number.isInteger(pid)) return undefined;
  const command = commandLine(pid);
  if (command === undefined) return undefined;
  if (command.includes(cluster)) return { pid, port };
  await poll(STOP_MS, async () => (await processesIn(cluster)).length === 0 || undefined);
  await rm(pidFile, { force: true });
  return undefined;
}

/** The server that runs on a cluster, if one does and answers; one that does not answer is stopped. */
async function adopt(cluster: string, password: string, signal?: AbortSignal): Promise<EmbeddedServer | undefined> {
  const found = await findProcess(cluster);
  if (found === undefined) return undefined;
  const { pid, port } = found;
  const url = urlOf(port, password);
  const isUp = await poll(START_MS, () => answers(url), signal);
  if (isUp === undefined) {
    await stopProcess(pid);
    return undefined;
  }
  return { url, pid, adopted: true, stop: () => stopProcess(pid) };
}

/** The PostgreSQL that runs and answers on the data of this directory, whichever process started it. */
export async function findPostgres(dataDir: string): Promise<EmbeddedServer | undefined> {
  return await adopt(await clusterOf(dataDir), await passwordOf(dataDir));
}

/** Stops the PostgreSQL that runs on the data of this directory, also one that does not answer yet. */
export async function stopPostgres(dataDir: string): Promise<void> {
  const found = await findProcess(await clusterOf(dataDir));
  if (found !== undefined) await stopProcess(found.pid);
}

interface Launch {
  readonly bin: string;
  readonly cluster: string;
  readonly account: Account | undefined;
  readonly durable: boolean;
  readonly password: string;
  readonly logFile: string;
  readonly signal: AbortSignal | undefined;
}

/** Starts a server; a text says why it did not. */
async function launch(plan: Launch): Promise<EmbeddedServer | string> {
  const { bin, cluster, account, durable, password, logFile, signal } = plan;
  signal?.throwIfAborted();
  const port = await freePort();
  const { file, newLines } = await openLog(logFile);
  const settings = durable ? SETTINGS : [...SETTINGS, ...CARELESS];
  const args = ['-D', cluster, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])];
  // In a session of its own, so that Ctrl-C reaches us alone and requests can be finished first.
  const child = spawn(join(bin, 'postgres'), args, {
    ...identity(account),
    env: serverEnvironment(),
    cwd: '/',
    detached: true,
    stdio: ['ignore', file.fd, file.fd],
  });
  const ended = watchEnd(child);
  const url = urlOf(port, password);
  const { pid } = child;
  const stop = async () => {
    if (pid !== undefined) await stopProcess(pid);
  };
  const watched = { timeoutMs: START_MS, ended, answers: () => answers(url), stop, signal };
  const outcome = await waitForStart(watched).finally(() => file.close());
  if (outcome === true && pid !== undefined) return { url, pid, adopted: false, stop };
  return lastLines(await newLines()) || (ended() ?? 'it did not answer in time');
}

/**
 * Starts PostgreSQL from the binaries of the development packages, on a free port of 127.0.0.1, or adopts the one that
 * runs on this data already. Whatever was killed before, the next start works.
 * @throws Error with one line that says what stands in the way
 */
export async function startPostgres({ dataDir, durable, say, signal }: ServerOptions): Promise<EmbeddedServer> {
  const home = await preparePostgresHome(dataDir, durable, say);
  const bin = await preparePostgresBinaries(home);
  const cluster = await clusterOf(dataDir);
  const password = await passwordOf(dataDir);
  if (!existsSync(cluster)) await makeCluster(cluster, bin, home, password, signal);
  const running = await adopt(cluster, password, signal);
  if (running !== undefined) return running;
  await checkVersion(cluster);

  const logFile = join(dataDir, 'postgres.log');
  const plan = { bin, cluster, account: home.account, durable, password, logFile, signal };
  let problem = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    // Those that a killed server has left behind leave by themselves, and it cannot start before they have.
    await poll(STOP_MS, async () => (await processesIn(cluster)).length === 0 || undefined, signal);
    const started = await launch(plan);
    if (typeof started !== 'string') return started;
    problem = started;
  }
  throw new Error(`PostgreSQL does not start on ${cluster}: ${problem}`);
}
