import { spawn } from 'node:child_process';
import { constants, existsSync } from 'node:fs';
import { access, mkdir, realpath, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { readIfPresent, replaceFile } from '../../platform/small-files.ts';
import { lastLines, openLog } from './files.ts';
import type { EmbeddedServer, ServerOptions } from './postgres.ts';
import {
  freePort,
  poll,
  processesIn,
  processIdentity,
  sendSignal,
  waitForExit,
  waitForStart,
  watchEnd,
} from './processes.ts';

/** A real server from the PATH, or one in JavaScript that keeps everything in memory. */
type Kind = 'server' | 'in_memory';

export interface EmbeddedRedis extends EmbeddedServer {
  readonly kind: Kind;
}

interface Program {
  readonly kind: Kind;
  readonly command: string;
  readonly args: (port: number, directory: string, durable: boolean) => string[];
}

const START_MS = 10_000;
const STOP_MS = 5_000;
const State = z.object({ pid: z.int(), identity: z.string(), url: z.string(), kind: z.enum(['server', 'in_memory']) });

/** The first of these programs that the PATH has. */
export async function findOnPath(names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
      const file = join(directory, name);
      const isProgram = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (directory !== '' && isProgram) return file;
    }
  }
  return undefined;
}

function serverArguments(port: number, directory: string, durable: boolean): string[] {
  const persistence = ['--save', '', '--appendonly', durable ? 'yes' : 'no', '--appendfsync', 'everysec'];
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  return [...place, ...persistence, '--maxmemory-policy', 'noeviction', '--daemonize', 'no'];
}

function scriptOfInMemoryServer(): string | undefined {
  try {
    const main = createRequire(import.meta.url).resolve('js-redis-server');
    const script = join(dirname(main), 'cli.js');
    return existsSync(script) ? script : undefined;
  } catch {
    return undefined;
  }
}

async function findProgram(): Promise<Program> {
  const command = await findOnPath(['valkey-server', 'redis-server']);
  if (command !== undefined) return { kind: 'server', command, args: serverArguments };
  const script = scriptOfInMemoryServer();
  if (script !== undefined) {
    const args = (port: number) => [script, '--single', '--port', String(port)];
    return { kind: 'in_memory', command: process.execPath, args };
  }
  throw new Error(
    'found no Redis: install valkey-server or redis-server, set REDIS_URL, or install the development packages',
  );
}

async function answers(url: string): Promise<true | undefined> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 1_000,
    commandTimeout: 1_000,
    retryStrategy: () => null,
  });
  redis.on('error', () => {}); // what fails is also raised by the call that it fails
  try {
    await redis.connect();
    await redis.ping(); // rejects also while it still reads its data
    return true;
  } catch {
    return undefined;
  } finally {
    if (redis.status !== 'end') redis.disconnect(); // else it would wait 2 s for the end that has been
  }
}

async function stopProcess(pid: number): Promise<void> {
  sendSignal(pid, 'SIGTERM');
  if (await waitForExit(pid, STOP_MS)) return;
  sendSignal(pid, 'SIGKILL');
  await waitForExit(pid, STOP_MS);
}

const stateFileOf = (dataDir: string): string => join(dataDir, 'redis.json');

/** What was written down of the process that runs on this data, if one does. */
async function findProcess(dataDir: string): Promise<z.output<typeof State> | undefined> {
  const state = State.safeParse(parsed(await readIfPresent(stateFileOf(dataDir))));
  if (!state.success) return undefined;
  return processIdentity(state.data.pid) === state.data.identity ? state.data : undefined;
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined; // a damaged file: a server that it would have named is found by its directory
  }
}

/** The Redis that runs and answers on the data of this directory, whichever process started it. */
export async function findRedis(dataDir: string, signal?: AbortSignal): Promise<EmbeddedRedis | undefined> {
  const found = await findProcess(dataDir);
  if (found === undefined) return undefined;
  const { pid, url, kind } = found;
  const isUp = await poll(START_MS, () => answers(url), signal);
  if (isUp === undefined) {
    await stopProcess(pid);
    return undefined;
  }
  return { url, pid, kind, adopted: true, stop: () => stopProcess(pid) };
}

/** Stops every Redis that runs on the data of this directory, also one that does not answer yet. */
export async function stopRedis(dataDir: string): Promise<void> {
  const found = await findProcess(dataDir);
  const directory = await realpath(join(dataDir, 'redis')).catch(() => undefined);
  const pids = new Set([
    ...(found === undefined ? [] : [found.pid]),
    ...(directory ? await processesIn(directory) : []),
  ]);
  await Promise.all([...pids].map(stopProcess));
}

interface Launch extends ServerOptions {
  readonly program: Program;
  readonly directory: string;
}

/** Starts a server; a text says why it did not. */
async function launch({ program, directory, durable, dataDir, signal }: Launch): Promise<EmbeddedRedis | string> {
  signal?.throwIfAborted();
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const { file, newLines } = await openLog(join(dataDir, 'redis.log'));
  // In a session of its own, so that Ctrl-C reaches us alone.
  const child = spawn(program.command, program.args(port, directory, durable), {
    cwd: directory,
    detached: true,
    stdio: ['ignore', file.fd, file.fd],
  });
  const ended = watchEnd(child);
  const { pid } = child;
  const { kind } = program;
  const identity = pid === undefined ? undefined : processIdentity(pid);
  if (identity !== undefined) await replaceFile(stateFileOf(dataDir), JSON.stringify({ pid, identity, url, kind }));
  const stop = async () => {
    if (pid !== undefined) await stopProcess(pid);
  };
  const watched = { timeoutMs: START_MS, ended, answers: () => answers(url), stop, signal };
  const outcome = await waitForStart(watched).finally(() => file.close());
  if (outcome === true && pid !== undefined) return { url, pid, kind, adopted: false, stop };
  return lastLines(await newLines()) || (ended() ?? 'it did not answer in time');
}

/** Sets aside files that Redis cannot read: Postgres knows every deadline, and the jobs are made again. */
async function setAside(directory: string, problem: string, say: ServerOptions['say']): Promise<void> {
  const damaged = join(directory, 'appendonlydir');
  // What keeps it from starting may as well have nothing to do with its files.
  if (!/append only|AOF|RDB/i.test(problem) || !existsSync(damaged)) return;
  const place = `${damaged}.damaged-${Date.now()}`;
  await rename(damaged, place);
  say(
    `Redis did not start (${problem}). Its files are now in ${place}; nothing is lost, Postgres knows every deadline`,
  );
}

/**
 * Starts a Redis on a free port of 127.0.0.1, or adopts the one that runs on this data already: a `valkey-server` or
 * `redis-server` from the PATH, else one from the development packages that lives in memory.
 * @throws Error with one line that says what to install or set
 */
export async function startRedis(options: ServerOptions): Promise<EmbeddedRedis> {
  await mkdir(join(options.dataDir, 'redis'), { recursive: true });
  const directory = await realpath(join(options.dataDir, 'redis'));
  const running = await findRedis(options.dataDir, options.signal);
  if (running !== undefined) return running;
  // Two servers on the same files would damage them: one that was not written down has to go first.
  await stopRedis(options.dataDir);

  const program = await findProgram();
  if (program.kind === 'in_memory') {
    options.say(
      'No redis-server or valkey-server is on the PATH: wake-ups live in memory (nothing is lost, Postgres knows every deadline)',
    );
  }
  const plan = { ...options, program, directory };
  const started = await launch(plan);
  if (typeof started !== 'string') return started;
  await setAside(directory, started, options.say);
  const again = await launch(plan);
  if (typeof again !== 'string') return again;
  throw new Error(`Redis does not start in ${directory}: ${again}`);
}
