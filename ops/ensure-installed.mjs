// Installs the packages of package-lock.json where they are missing or others. Runs before `npm start` and `npm test`, so
// that both work on a fresh clone; it must not need any package itself.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const lockFile = join(root, 'package-lock.json');
const stampFile = join(root, 'node_modules/.installed-from');
const claimFile = join(root, '.data/installing');

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

const modified = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');

/** Whether the packages are there: by our own stamp, or by npm's record of an install since the lock file was written. */
function isInstalled() {
  const stamp = read(stampFile);
  if (stamp !== undefined) return stamp === wanted;
  return modified(join(root, 'node_modules/.package-lock.json')) >= modified(lockFile);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Waits while another process installs; true once it is our turn. */
function claim() {
  mkdirSync(join(root, '.data'), { recursive: true });
  for (;;) {
    try {
      writeFileSync(claimFile, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const holder = Number(read(claimFile));
      if (holder > 0 && !isAlive(holder)) rmSync(claimFile, { force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
}

/** Install scripts stay off: nothing that we use needs them. */
function install() {
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const [command, before] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  const { status, error } = spawnSync(command, [...before, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status === 0) return;
  process.stderr.write(`The packages could not be installed: npm ci ${error?.message ?? `ended with ${status}`}\n`);
  process.exit(1);
}

if (!isInstalled()) {
  claim();
  try {
    if (!isInstalled()) {
      process.stdout.write('Installing packages (once for each package-lock.json; about half a minute) …\n');
      install();
      writeFileSync(stampFile, wanted);
    }
  } finally {
    rmSync(claimFile, { force: true });
  }
}
