import type { TestDatabase } from '../../harness/database.ts';

/** A digest of everything that the service keeps, table by table; numbers given to the log later do not count. */
export async function digestOf(database: TestDatabase): Promise<Record<string, string>> {
  const tables = await database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`,
  );
  const digests = tables.map(({ name }) => {
    const row = name === 'log_entries' ? `(to_jsonb(t) - 'seq')::text` : 't::text';
    const ofRows = `coalesce(md5(string_agg(md5(${row}), '' ORDER BY md5(${row}))), '')`;
    return `SELECT '${name}' AS name, count(*) || ' ' || ${ofRows} AS digest FROM ${name} t`;
  });
  const found = await database.query<{ name: string; digest: string }>(digests.join(' UNION ALL '));
  return Object.fromEntries(found.map(({ name, digest }) => [name, digest]));
}
