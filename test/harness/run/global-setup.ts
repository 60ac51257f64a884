import { join } from 'node:path';
import { MIGRATIONS, migrate } from '../../../src/platform/postgres/migrations.ts';
import { administrate } from '../database.ts';
import { announceNotes } from './canary.ts';
import { type Run, startRun } from './run.ts';
import { announceRun, databaseUrl, TEMPLATE_DATABASE } from './servers.ts';

declare global {
  var testRun: Run | undefined;
}

/** Builds the service, starts the servers of this run, and makes the database that every test file gets a copy of. */
export default async function setUp(): Promise<void> {
  const run = await startRun();
  globalThis.testRun = run;
  announceNotes(join(run.directory, 'canary'));
  announceRun(run);
  await administrate(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
  await migrate(databaseUrl(TEMPLATE_DATABASE), MIGRATIONS);
}

export { default as teardown } from './global-teardown.ts';
