// Installs the packages of package-lock.json where they are missing or others. Runs before `npm start` and `npm test`, so
// that both work on a fresh clone; it must not need any package itself.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const lockFile = join(root, 'package-lock.json');
const stampFile = join(root, 'node_modules/.installed-from');
const claimFile = join(root, '.data/installing');
const ownFile = `${claimFile}.${process.pid}`;
const locked = readFileSync(lockFile, 'utf8');
const wanted = createHash('sha256').update(locked).digest('hex');

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Whether somebody has run npm by hand: it came to its end, and every package is there in the version of the lock file. */
function isInstalledByHand() {
  // Written last, so it proves the end; but not the content, since npm writes it also when it changes the lock file alone.
  if (read(join(root, 'node_modules/.package-lock.json')) === undefined) return false;
  return Object.entries(JSON.parse(locked).packages).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const manifest = read(join(root, path, 'package.json'));
    // What is optional depends on the platform.
    return manifest === undefined ? optional === true : JSON.parse(manifest).version === version;
  });
}

function isInstalled() {
  if (read(stampFile) === wanted) return true;
  if (!isInstalledByHand()) return false;
  leaveStamp();
  return true;
}

/** Only saves the next comparison, so it may fail: the packages may belong to another user. */
function leaveStamp() {
  try {
    writeFileSync(stampFile, wanted);
  } catch {}
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
function dropDeadClaim() {
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

/** Waits while another process installs, and returns once it is our turn. */
function claim() {
  mkdirSync(join(root, '.data'), { recursive: true });
  writeFileSync(ownFile, `${process.pid} ${identity(process.pid)}`);
  for (let attempt = 0; ; attempt += 1) {
    try {
      linkSync(ownFile, claimFile); // fails if it is there, and is never seen without its text
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (attempt === 1) process.stdout.write(`Process ${read(claimFile)?.split(' ')[0]} is installing packages …\n`);
    dropDeadClaim();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  rmSync(ownFile);
}

/** True when it worked. Install scripts stay off: nothing that we use needs them. */
function install() {
  process.stdout.write('Installing packages (once for each package-lock.json; about half a minute) …\n');
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const script = process.env.npm_execpath ?? '';
  // Another package manager may have started us, and it has no `ci`.
  const [command, ...before] = script.endsWith('npm-cli.js') ? [process.execPath, script] : ['npm'];
  const { status, signal, error } = spawnSync(command, [...before, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status === 0) return true;
  const reason = error?.message ?? `npm ci ended with ${signal ?? status}`;
  process.stderr.write(`The packages could not be installed: ${reason}\n`);
  return false;
}

if (!isInstalled()) {
  claim();
  try {
    if (!isInstalled()) {
      if (install()) leaveStamp();
      else process.exitCode = 1;
    }
  } finally {
    rmSync(claimFile, { force: true });
  }
}
