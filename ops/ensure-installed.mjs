// Installs the packages of package-lock.json where they are missing or others. Runs before `npm start` and `npm test`, so
// that both work on a fresh clone; it must not need any package itself.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alone, read } from './alone.mjs';
import { mustBeWritable, run, step } from './run.mjs';

const root = join(import.meta.dirname, '..');
const lockFile = join(root, 'package-lock.json');
const stampFile = join(root, 'node_modules/.installed-from');
const locked = readFileSync(lockFile, 'utf8');
const wanted = createHash('sha256').update(locked).digest('hex');

/** The version in a manifest, or undefined where npm was killed while it wrote it. */
function versionOf(manifest) {
  try {
    return JSON.parse(manifest).version;
  } catch {
    return undefined;
  }
}

/** Whether npm was run by hand: it came to its end, and every package is there in the version of the lock file. */
function isInstalledByHand() {
  // Written last, so it proves the end; but not the content, since npm writes it also when it changes the lock file alone.
  if (read(join(root, 'node_modules/.package-lock.json')) === undefined) return false;
  return Object.entries(JSON.parse(locked).packages).every(([path, { version, optional }]) => {
    if (path === '') return true;
    const manifest = read(join(root, path, 'package.json'));
    // What is optional depends on the platform.
    return manifest === undefined ? optional === true : versionOf(manifest) === version;
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

/** Install scripts stay off: no package that we use needs its own. */
async function install() {
  mustBeWritable(join(root, 'node_modules'));
  process.stderr.write('Installing packages (once for each package-lock.json; about half a minute) …\n');
  const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const script = process.env.npm_execpath ?? '';
  // Another package manager may have started us, and it has no `ci`.
  const [command, ...before] = script.endsWith('npm-cli.js') ? [process.execPath, script] : ['npm'];
  const options = { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] };
  await run(command, [...before, ...args], options).catch((error) => {
    throw new Error(`npm ci ${error.message}`);
  });
  leaveStamp();
}

await step('The packages could not be installed', async () => {
  if (isInstalled()) return;
  await alone('installing packages', async () => {
    if (!isInstalled()) await install();
  });
});
