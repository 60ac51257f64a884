import { readdir, readFile, readlink } from 'node:fs/promises';
import { processIdentity, sendSignal, waitForExit } from '../../../src/dev/embedded/processes.ts';

const KILL_MS = 10_000;

/** A living process, with the words of its command line joined by blanks. */
export interface Found {
  readonly pid: number;
  readonly command: string;
}

async function inspect(pid: number, directory: string): Promise<Found | null> {
  try {
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    const place = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    const belongs = command.includes(directory) || `${place}/`.startsWith(`${directory}/`);
    return belongs && processIdentity(pid) !== undefined ? { pid, command } : null;
  } catch {
    return null; // it ended meanwhile
  }
}

/** The processes that work in a directory or name it on their command line, such as a checkout's servers. Linux only. */
export async function processesOf(directory: string): Promise<Found[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => inspect(pid, directory)));
  return found.filter((process) => process !== null);
}

/** Kills the processes that `processesOf` finds, and waits until they are gone. */
export async function killProcessesOf(directory: string): Promise<void> {
  const found = await processesOf(directory);
  // SIGQUIT ends PostgreSQL with its children; SIGKILL would leave those.
  for (const { pid, command } of found) sendSignal(pid, /postgres/.test(command) ? 'SIGQUIT' : 'SIGKILL');
  await Promise.all(found.map(({ pid }) => waitForExit(pid, KILL_MS)));
}
