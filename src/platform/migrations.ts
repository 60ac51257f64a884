import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { sqlStateOf } from './database.ts';
import { ROOT } from './root.ts';

/** Where this build's migrations are. */
export const MIGRATIONS = join(ROOT, 'migrations');

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

// Any constant will do, as long as every process uses the same.
const LOCK_KEY = 7_305_416_201;
const FILE_NAME = /^\d{4}_[a-z0-9_]+\.sql$/;

async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => FILE_NAME.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(directory, name), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

const LEDGER = `CREATE TABLE schema_migrations (
  name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`;

/** Not with IF NOT EXISTS: that asks for the right to create tables also where there is nothing to create. */
async function makeLedger(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ exists: boolean }>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS exists`,
  );
  if (rows[0]?.exists !== true) await client.query(LEDGER);
}

async function applyPending(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'SELECT name, checksum FROM schema_migrations',
  );
  const applied = new Map(rows.map(({ name, checksum }) => [name, checksum]));
  const pending: string[] = [];
  for (const { name, sql, checksum } of migrations) {
    const known = applied.get(name);
    if (known !== undefined && known !== checksum)
      throw new Error(`migration ${name} was changed after it was applied`);
    if (known !== undefined) continue;
    await client.query(sql);
    await client.query('INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)', [name, checksum]);
    pending.push(name);
  }
  return pending;
}

// Whoever waits for a table keeps everybody waiting who comes after: for a moment only, and then they go first.
const LOCK_TIMEOUT_MS = 2_000;
const PAUSE_MS = 1_000;
const ATTEMPTS = 20;

/** All of them in one transaction, or none. */
async function applyOnce(client: pg.Client, migrations: readonly Migration[]): Promise<string[]> {
  await client.query('BEGIN');
  try {
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
    // Not before: whoever migrates at the same time is waited for.
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await makeLedger(client);
    const applied = await applyPending(client, migrations);
    await client.query('COMMIT');
    return applied;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // of what has failed already
    throw error;
  }
}

const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Applies the numbered SQL files of a directory that this database has not seen, in order, all or none of them. Any
 * number of processes may start at once: the others wait for the first. The lock ends with its transaction, so that it
 * cannot be left behind, also not behind a pooler that shares sessions. A table that is in use is waited for briefly, and
 * again after a while, for about a minute in all.
 * @returns the names of the files that were applied now
 * @throws if a file was changed after it was applied, or if the database refuses one; nothing is applied then
 */
export async function migrate(databaseUrl: string, directory: string): Promise<string[]> {
  const migrations = await readMigrations(directory);
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'resolution-center migrate' });
  client.on('error', () => {}); // what fails is also raised by the query that it fails
  await client.connect();
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await applyOnce(client, migrations);
      } catch (error) {
        if (attempt === ATTEMPTS || sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
        await sleep(PAUSE_MS);
      }
    }
  } finally {
    await client.end();
  }
}
