import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sumUp } from './canary.ts';

/** Says where the canary was found, stops the servers of this run, and forgets all that was in them. */
export default async function tearDown(): Promise<void> {
  const run = globalThis.testRun;
  if (run === undefined) return;
  const notes = await readFile(join(run.directory, 'canary'), 'utf8').catch(() => null);
  if (notes !== null) process.stderr.write(`\n${sumUp(notes)}\n`);
  await run.stop();
}
