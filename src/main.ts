import { catchStrayOutput } from './platform/logging/stray-output.ts';
import { listenForShutdown } from './platform/shutdown.ts';

// Before the rest is read, which takes a tenth of a second: a signal counts from here on.
const shutdown = listenForShutdown();
const strayOutput = process.env['NODE_ENV'] === 'production' ? catchStrayOutput() : null;
const { run } = await import('./run.ts');
process.exit(await run(process.env, shutdown, strayOutput));
