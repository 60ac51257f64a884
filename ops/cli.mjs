// What `npm run ops`, `npm run token`, `npm run migrate` and `npm run check-config` do: install what is missing, build what has
// changed, and run the command line of the build. What that says goes to stderr, since scripts read stdout.
import './ensure-installed.mjs';

if (!process.exitCode) await import('./ensure-built.mjs');
if (!process.exitCode) {
  process.setSourceMapsEnabled(true);
  await import(new URL('../dist/cli/ops.js', import.meta.url).href);
}
