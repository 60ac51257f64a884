// Runs other programs so that a signal ends them as well. It must not need any package.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

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

/**
 * Ends this process, after the program that it runs at the moment. A terminal signals that program itself; npm, Docker and
 * systemd may signal only this process.
 */
function stop(signal) {
  if (child === undefined) {
    wasAskedBy = signal;
    end();
  }
  if (signal === 'SIGQUIT') child.kill('SIGKILL');
  if (wasAskedBy !== undefined) return;
  wasAskedBy = signal;
  child.kill('SIGTERM');
  setTimeout(() => child?.kill('SIGKILL'), PATIENCE_MS);
}

// The service takes these over when it is read (src/platform/shutdown.ts).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) process.on(signal, stop);
// The terminal or the reader of a pipe may be gone, which is no reason to stop half-way.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

/**
 * Runs a program to its end.
 * @throws Error that says how it ended, unless it ended with 0
 */
export async function run(command, args, options) {
  const problem = await new Promise((resolve) => {
    child = spawn(command, args, options);
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, signal) => resolve(status === 0 ? undefined : `ended with ${signal ?? status}`));
  });
  child = undefined;
  if (wasAskedBy !== undefined) end();
  if (problem !== undefined) throw new Error(problem);
}

/**
 * Does the work of a step of the start, and sets the exit status to 1 when it fails.
 * @param what as in "The service could not be built"
 */
export async function step(what, work) {
  try {
    await work();
  } catch (error) {
    process.stderr.write(`${what}: ${error.message}\n`);
    process.exitCode = 1;
  }
}
