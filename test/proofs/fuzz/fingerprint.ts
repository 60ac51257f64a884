import type { TestDatabase } from '../../harness/database.ts';

// Answers to repeated keys are kept on purpose, also those of refusals.
const TABLES = ['orders', 'disputes', 'log_entries', 'timers', 'deadline_failures', 'holds', 'erasures'] as const;

/** How many rows each table has and which transactions wrote them: it changes with every write of any row. */
export async function fingerprintOf(database: TestDatabase): Promise<Record<string, string>> {
  const parts = TABLES.map(
    (name) => `(SELECT count(*) || ':' || coalesce(sum(xmin::text::bigint), 0) FROM ${name}) AS ${name}`,
  );
  const [row] = await database.query<Record<string, string>>(`SELECT ${parts.join(', ')}`);
  return row ?? {};
}
