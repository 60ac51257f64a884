import { type ChildProcess, spawn } from 'node:child_process';
import { once as onceEmitted } from 'node:events';
import { join } from 'node:path';
import { fetchFrom } from './api/transport.ts';
import { onCleanup } from './cleanup.ts';
import { type Clients, createClients } from './client.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { testRedisUrl } from './redis.ts';
import { mustBeFree } from './run/canary.ts';
import { serviceDirectory } from './run/servers.ts';
import { testEnvironment } from './service.ts';
import { waitFor } from './wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_MS = 60_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of ours, with all that it has written so far. */
export interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<Exit>;
}

export interface CommandOptions {
  /** The whole environment beside PATH and HOME. */
  readonly env: Readonly<Record<string, string>>;
  /** What comes before node on the command line, such as `['faketime', '-f', '+1h']`. */
  readonly wrap?: readonly string[];
}

/** Runs node in a directory. It is killed at the end of the test file. */
export function runNode(cwd: string, args: readonly string[], { env, wrap = [] }: CommandOptions): Running {
  const { PATH = '', HOME = '' } = process.env;
  return runCommand(cwd, [...wrap, process.execPath, ...args], { PATH, HOME, ...env });
}

/**
 * Runs a program in a directory. It is killed at the end of the test file.
 * @param env its whole environment
 */
export function runCommand(
  cwd: string,
  [command = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): Running {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString('utf8');
  const exited = onceEmitted(child, 'close').then(([code, signal]): Exit => ({ code, signal }));
  exited.catch(() => {}); // a command that does not exist: its caller awaits `exited`
  onCleanup(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await exited;
    mustBeFree(text(out) + text(err), 'what a process wrote');
  });
  return { child, exited, stdout: () => text(out), stderr: () => text(err) };
}

/** Runs a TypeScript file of the tests with node. It is killed at the end of the test file. */
export function runFile(file: string, args: readonly string[], options: CommandOptions): Running {
  return runNode(ROOT, ['--import', 'tsx', file, ...args], options);
}

/**
 * Runs a program as the image does, from the build of this run. It is killed at the end of the test file.
 * @param program its path in `dist`
 */
export function runProgram(
  program: 'main.js' | 'cli/ops.js',
  args: readonly string[],
  options: CommandOptions,
): Running {
  return runNode(serviceDirectory(), ['--enable-source-maps', `dist/${program}`, ...args], options);
}

export interface ProcessOptions {
  readonly role?: 'api' | 'worker' | 'all';
  /** Environment variables beyond those of the harness; they win, and an empty one counts as not set. */
  readonly env?: Readonly<Record<string, string>>;
  readonly database?: TestDatabase;
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
  readonly wrap?: readonly string[];
}

/** The service as a process of its own. */
export interface ServiceProcess extends Clients, Running {
  readonly url: string;
  readonly database: TestDatabase;
  /** Sends a signal (SIGTERM) and waits for the end. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<Exit>;
}

/**
 * Waits until a process of the service says where it listens.
 * @throws if it ends before
 */
export async function listeningAt(running: Running): Promise<string> {
  const ended = running.exited.then(() => {
    throw new Error(`the service ended before it listened:\n${running.stdout()}${running.stderr()}`);
  });
  const ready = waitFor('the service listens', () => /listens on (http:[^\s"]+)/.exec(running.stdout())?.[1], START_MS);
  return await Promise.race([ready, ended]);
}

/** Starts the built service and waits until it says that it listens. */
export async function startProcess(options: ProcessOptions = {}): Promise<ServiceProcess> {
  const { role = 'all', env = {}, wrap = [], database = await createDatabase() } = options;
  const redisUrl = options.redisUrl ?? (await testRedisUrl());
  const base = testEnvironment(options.databaseUrl ?? database.url, redisUrl);
  const running = runProgram('main.js', [], { env: { ...base, ROLE: role, ...env }, wrap });
  const url = await listeningAt(running);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    running.child.kill(signal);
    return await running.exited;
  };
  return { ...createClients(fetchFrom(url)), ...running, url, database, stop };
}
