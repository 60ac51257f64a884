// Builds src where it has changed since, into what the image runs as well.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alone } from './alone.mjs';

const root = join(import.meta.dirname, '..');
const stampFile = join(root, 'dist/.built-from');

/** What the sources are, by their names, sizes and times. */
function sources() {
  const hash = createHash('sha256');
  const files = readdirSync(join(root, 'src'), { recursive: true }).map((name) => join('src', name));
  for (const name of [...files.sort(), 'ops/build.mjs', 'tsconfig.json', 'package.json', 'package-lock.json']) {
    const { size, mtimeMs } = statSync(join(root, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function isBuilt() {
  try {
    return readFileSync(stampFile, 'utf8') === sources();
  } catch {
    return false;
  }
}

/** @throws Error with one line that says what was in the way */
function build() {
  process.stdout.write('Building (once for each change; some seconds) …\n');
  const stamp = sources(); // before: what changes meanwhile is built again
  const { status, signal, error } = spawnSync(process.execPath, [join(root, 'ops/build.mjs')], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw error ?? new Error(`the build ended with ${signal ?? status}`);
  writeFileSync(stampFile, stamp);
}

try {
  if (!isBuilt()) {
    alone('building', () => {
      if (!isBuilt()) build();
    });
  }
} catch (error) {
  process.stderr.write(`The service could not be built: ${error.message}\n`);
  process.exitCode = 1;
}
