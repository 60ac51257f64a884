// Lets one process of a checkout at a time do something that others would spoil. It must not need any package.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const directory = join(import.meta.dirname, '../.data');

/** The text of a file, or undefined where there is none that can be read. */
export function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** What tells a process from a later one with its pid; undefined when it is gone. Empty where there is no /proc. */
function identity(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return undefined;
  }
  const stat = read(`/proc/${pid}/stat`);
  return stat === undefined ? '' : stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function isAlive(holder) {
  const [pid, started] = holder.split(' ');
  return identity(Number(pid)) === started;
}

/** Takes away the claim of a dead process; one that another has made in the meantime is put back. */
function dropDeadClaim(claimFile, ownFile) {
  const holder = read(claimFile);
  if (holder === undefined || isAlive(holder)) return;
  const moved = `${ownFile}.moved`;
  try {
    renameSync(claimFile, moved);
    if (isAlive(readFileSync(moved, 'utf8'))) linkSync(moved, claimFile);
  } catch {
    // another was faster
  }
  rmSync(moved, { force: true });
}

/** Waits while another process has the claim, and returns once it is ours. */
async function claim(what, claimFile, ownFile) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(ownFile, `${process.pid} ${identity(process.pid)}`);
  for (let attempt = 0; ; attempt += 1) {
    try {
      linkSync(ownFile, claimFile); // fails if it is there, and is never seen without its text
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (attempt === 1) process.stderr.write(`Process ${read(claimFile)?.split(' ')[0]} is ${what} …\n`);
    dropDeadClaim(claimFile, ownFile);
    await sleep(200);
  }
  rmSync(ownFile);
}

/**
 * Does something while no other process of this checkout does it.
 * @param what as in "is installing packages": its first word names the claim, and a process that has to wait prints it
 */
export async function alone(what, work) {
  const claimFile = join(directory, what.split(' ')[0]);
  const ownFile = `${claimFile}.${process.pid}`;
  let isOurs = false;
  const release = () => {
    rmSync(ownFile, { force: true });
    if (isOurs) rmSync(claimFile, { force: true });
  };
  process.once('exit', release); // a signal ends the process in the middle of the work
  try {
    await claim(what, claimFile, ownFile);
    isOurs = true;
    await work();
  } finally {
    release();
    process.removeListener('exit', release);
  }
}
