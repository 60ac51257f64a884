// What `npm start` does: install what is missing, build what has changed, and run it. In one process, since each costs a
// tenth of a second, and since npm hands its signals to this one.
import './ensure-installed.mjs';

if (!process.exitCode) await import('./ensure-built.mjs');
if (!process.exitCode) {
  process.setSourceMapsEnabled(true);
  await import('../dist/main.js');
}
