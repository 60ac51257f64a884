#!/usr/bin/env node
import { DATA_DIR } from '../dev/development-secrets.ts';
import { run } from './program.ts';

// A reader that closes the pipe early, such as `head`, is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

const { env, stdout, stderr } = process;
process.exitCode = await run(process.argv.slice(2), { env, stdout, stderr, dataDir: DATA_DIR });
