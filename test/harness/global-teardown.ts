import { administrate } from './database.ts';
import { templateDatabase } from './servers.ts';

/** Removes what the global setup made. */
export default async function tearDown(): Promise<void> {
  await administrate(`DROP DATABASE ${templateDatabase()}`);
}
