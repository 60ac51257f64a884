// What `npm start` does: install what is missing, build what has changed, and run it. In one process, since each costs a
// tenth of a second, and since npm hands its signals to this one.
import { endOnSignalWith } from './run.mjs'; // first: it listens for signals

endOnSignalWith(0); // a start that is called off is no failure
await import('./ensure-installed.mjs');
if (!process.exitCode) await import('./ensure-built.mjs');
if (!process.exitCode) {
  process.setSourceMapsEnabled(true);
  await import(new URL('../dist/main.js', import.meta.url).href);
}
