// Builds src and ui where they have changed since, into what the image runs as well.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alone } from './alone.mjs';
import { mustBeWritable, run, step } from './run.mjs';

const root = join(import.meta.dirname, '..');
const stampFile = join(root, 'dist/.built-from');

/** What the sources are, by their names, sizes and times. */
function sources() {
  const hash = createHash('sha256');
  const files = ['src', 'ui/src'].flatMap((directory) =>
    readdirSync(join(root, directory), { recursive: true }).map((name) => join(directory, name)),
  );
  for (const name of [
    ...files.sort(),
    'ops/build.mjs',
    'tsconfig.json',
    'ui/tsconfig.json',
    'openapi/examples.json',
    'package.json',
    'package-lock.json',
  ]) {
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

async function build() {
  mustBeWritable(join(root, 'dist'));
  process.stderr.write('Building (once for each change; some seconds) …\n');
  const stamp = sources(); // before: what changes meanwhile is built again
  await run(process.execPath, [join(root, 'ops/build.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] }).catch(
    (error) => {
      throw new Error(`the build ${error.message}`);
    },
  );
  writeFileSync(stampFile, stamp);
}

await step('The service could not be built', async () => {
  if (isBuilt()) return;
  await alone('building', async () => {
    if (!isBuilt()) await build();
  });
});
