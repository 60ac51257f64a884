import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { onCleanup, once } from './cleanup.ts';
import { searchDatabase } from './run/canary.ts';
import { databaseUrl, TEMPLATE_DATABASE } from './run/servers.ts';

/** A migrated database of a test's own. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Asks it something beside the service, to look at rows or to arrange them. */
  readonly query: <R extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) => Promise<R[]>;
  /** Drops it now instead of at the end of the file. */
  readonly drop: () => Promise<void>;
}

/** Runs statements that concern whole databases. */
export async function administrate(...statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl('postgres') });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Makes a database with the service's schema and nothing in it. It is dropped at the end of the test file. */
export async function createDatabase(): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administrate(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE_DATABASE}`);
  const url = databaseUrl(name);
  // Whatever search path a test gives the database.
  const options = '-c search_path=public';
  const pool = new pg.Pool({ connectionString: url, options, max: 4, allowExitOnIdle: true });
  pool.on('error', () => {}); // a test that breaks connections breaks these, too
  const drop = once(async () => {
    await searchDatabase(async (sql) => (await pool.query(sql)).rows);
    await pool.end();
    await administrate(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  });
  onCleanup(drop);
  return { url, name, drop, query: async (sql, values) => (await pool.query(sql, [...(values ?? [])])).rows };
}

/**
 * Lets time pass for one dispute: moves everything that happened to it, its deadline and its timers into the past. The
 * order and the log stay behind each other as they were.
 */
export async function letTimePass(database: TestDatabase, disputeId: string, ms: number): Promise<void> {
  const before = `- $2::float8 * interval '1 millisecond'`;
  await database.query(
    `WITH moved AS (
       UPDATE disputes SET opened_at = opened_at ${before}, updated_at = updated_at ${before},
         respond_by = respond_by ${before}, resolved_at = resolved_at ${before},
         remind_at = remind_at ${before},
           notices = (SELECT coalesce(jsonb_agg(jsonb_set(n, '{at}', to_jsonb((n->>'at')::bigint - $2::bigint)) ORDER BY place), '[]')
             FROM jsonb_array_elements(notices) WITH ORDINALITY AS list (n, place))
       WHERE id = $1 RETURNING order_id),
     order_moved AS (
       UPDATE orders SET created_at = created_at ${before}, updated_at = updated_at ${before}
       FROM moved WHERE id = moved.order_id),
     log_moved AS (
       UPDATE log_entries l SET occurred_at = occurred_at ${before} FROM moved WHERE l.order_id = moved.order_id)
     UPDATE timers SET due_at = due_at ${before}, leased_until = leased_until ${before} WHERE dispute_id = $1`,
    [disputeId, ms],
  );
}
