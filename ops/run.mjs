// Runs other programs so that a signal ends them as well. It must not need any package.
import { spawn } from 'node:child_process';
import { accessSync, constants as constantsOfFiles, existsSync, readdirSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative, sep } from 'node:path';

const root = join(import.meta.dirname, '..');

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
const HAS_GROUPS = process.platform !== 'win32';

let child;
let stopStatus;
let wasAskedBy;

/** Makes this process end with a status of its own when a signal ends it; 128 and the number of the signal otherwise. */
export function endOnSignalWith(status) {
  stopStatus = status;
}

const end = () => process.exit(stopStatus ?? 128 + constants.signals[wasAskedBy]);

// npm takes back what it has installed, which waits for the registry.
const PATIENCE_MS = 2_000;

/** Sends a signal to a program and to the programs that it has started. */
function signalGroup({ pid, exitCode, signalCode }, signal) {
  if (pid === undefined || (!HAS_GROUPS && (exitCode ?? signalCode) !== null)) return;
  try {
    process.kill(HAS_GROUPS ? -pid : pid, signal);
  } catch {
    // all of them have ended
  }
}

/** Ends this process, after the program that it runs at the moment, and whatever that has started. */
function stop(signal) {
  if (child === undefined) {
    wasAskedBy = signal;
    end();
  }
  if (signal === 'SIGQUIT') signalGroup(child, 'SIGKILL');
  if (wasAskedBy !== undefined) return;
  wasAskedBy = signal;
  signalGroup(child, 'SIGTERM');
  setTimeout(() => child && signalGroup(child, 'SIGKILL'), PATIENCE_MS);
}

// The service takes these over when it is read (src/platform/shutdown.ts).
for (const signal of STOP_SIGNALS) process.on(signal, stop);
// The terminal or the reader of a pipe may be gone, which is no reason to stop half-way.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

/**
 * Runs a program to its end, in a process group of its own: the signals of a terminal reach this process alone, which passes
 * them on. A program that one of those signals ended was told to stop by systemd or `kill`, maybe before this process heard
 * of it, and ends this process in the same way.
 * @throws Error that says how it ended, unless it ended with 0
 */
export async function run(command, args, options) {
  const problem = await new Promise((resolve) => {
    child = spawn(command, args, { ...options, detached: HAS_GROUPS });
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, signal) => {
      // Not by a status of 128 and more: npm ends with 143 where the registry has no route (errno -113), too.
      if (STOP_SIGNALS.includes(signal)) wasAskedBy ??= signal;
      resolve(status === 0 ? undefined : `ended with ${signal ?? status}`);
    });
  });
  if (wasAskedBy !== undefined) {
    signalGroup(child, 'SIGKILL'); // what it has started may outlive it
    end();
  }
  child = undefined;
  if (problem !== undefined) throw new Error(problem);
}

/** What to do about a file of another user, such as those that one `sudo npm start` leaves behind. */
function adviceOn({ code, path }) {
  const uid = process.getuid?.();
  if ((code !== 'EACCES' && code !== 'EPERM') || path === undefined || uid === undefined) return '';
  const wanted = join(root, relative(root, path).split(sep)[0]);
  const part = existsSync(wanted) ? wanted : root;
  const owner = statSync(part).uid;
  if (owner === uid) return '';
  return `; ${part} belongs to ${owner === 0 ? 'root' : `uid ${owner}`}: "sudo chown -R ${uid} ${part}"`;
}

/**
 * Makes sure that a directory and what it lists can be written, before a program that says less clearly why it cannot.
 * @throws with the first that cannot
 */
export function mustBeWritable(directory) {
  if (!existsSync(directory)) return;
  accessSync(directory, constantsOfFiles.W_OK);
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (existsSync(path)) accessSync(path, constantsOfFiles.W_OK);
  }
}

/**
 * Does the work of a step of the start, and sets the exit status to 1 when it fails.
 * @param what as in "The service could not be built"
 */
export async function step(what, work) {
  try {
    await work();
  } catch (error) {
    process.stderr.write(`${what}: ${error.message}${adviceOn(error)}\n`);
    process.exitCode = 1;
  }
}
