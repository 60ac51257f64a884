import { type ChildProcess, execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Where a part of the embedded servers tells the developer something, one line at a time. */
export type Say = (line: string) => void;

/**
 * What tells a living process from a later one that was given the same pid: its start time.
 * Undefined when no such process lives; a zombie counts as dead, because it holds nothing any more.
 */
export function processIdentity(pid: number): string | undefined {
  if (!existsSync('/proc/self/stat')) return psColumn(pid, 'lstart');
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** The command line of a living process, words joined by blanks; undefined when it is gone. */
export function commandLine(pid: number): string | undefined {
  if (!existsSync('/proc/self/stat')) return psColumn(pid, 'command');
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return undefined;
  }
}

function psColumn(pid: number, column: 'lstart' | 'command'): string | undefined {
  try {
    const row = execFileSync('ps', ['-ww', '-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' });
    return row.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Sends a signal to a process that may be gone already, which is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * Asks until the answer is no longer undefined, and gives that answer; undefined when the time is up.
 * For what belongs to another process and so can be asked but not awaited.
 * @throws the signal's reason once it is aborted
 */
export async function poll<T>(
  timeoutMs: number,
  ask: () => T | undefined | Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const giveUpAt = performance.now() + timeoutMs;
  for (let waitMs = 5; ; waitMs = Math.min(waitMs * 2, 50)) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined || performance.now() > giveUpAt) return answer;
    await delay(waitMs);
  }
}

/** Waits until a process is gone; false when it still lives after the time given. */
export async function waitForExit(pid: number, timeoutMs: number): Promise<boolean> {
  const identity = processIdentity(pid);
  if (identity === undefined) return true;
  return (await poll(timeoutMs, () => processIdentity(pid) !== identity || undefined)) ?? false;
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(address)));
    });
  });
}

/** The pids of processes that work in a directory or below it, as far as this account may see; none without /proc. */
export async function processesIn(directory: string): Promise<number[]> {
  const entries = await readdir('/proc').catch(() => []);
  const pids = entries.filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_pid, index) => `${places[index]}/`.startsWith(`${directory}/`)).map(Number);
}

/** Lets go of a child that shall outlive us, and says how it ended; undefined while it runs. */
export function watchEnd(child: ChildProcess): () => string | undefined {
  let ended: string | undefined;
  child.once('exit', (code, signal) => {
    ended = `it ended with ${code ?? signal}`;
  });
  child.once('error', (error) => {
    ended = error.message;
  });
  child.unref();
  return () => ended;
}

export interface Starting {
  readonly timeoutMs: number;
  /** How the process ended; undefined while it runs. */
  readonly ended: () => string | undefined;
  /** True once the server answers; undefined before. */
  readonly answers: () => Promise<true | undefined>;
  readonly stop: () => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Waits until a server answers (true) or its process has ended (a text that says how). One that does neither in time is
 * stopped (undefined), and so is one whose start is called off.
 * @throws the signal's reason once it is aborted, or what `answers` rejects with
 */
export async function waitForStart({ timeoutMs, ended, answers, stop, signal }: Starting) {
  const outcome = await poll(timeoutMs, async () => ended() ?? (await answers()), signal).catch(async (error) => {
    await stop();
    throw error;
  });
  if (outcome === undefined) await stop();
  return outcome;
}
