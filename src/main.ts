import { listenForShutdown } from './platform/shutdown.ts';

// Before the rest is read, which takes a tenth of a second: a signal counts from here on.
const shutdown = listenForShutdown();
const { run } = await import('./run.ts');
process.exit(await run(process.env, shutdown));
