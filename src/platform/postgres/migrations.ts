import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ROOT } from '../root.ts';
import { sqlStateOf } from './database.ts';
import { describeDatabaseProblem, problemOfServer, SERVER_FACTS, type ServerFacts } from './database-problems.ts';
import { BEGIN_MIGRATION } from './session.ts';

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

/** What is applied after the numbered files, every time; null where a directory has none. */
async function readGrants(directory: string): Promise<string | null> {
  try {
    return await readFile(join(directory, 'grants.sql'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

interface Files {
  readonly migrations: readonly Migration[];
  readonly grants: string | null;
}

const LEDGER = `CREATE TABLE schema_migrations (
  name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`;

const LEDGER_COLUMNS = `SELECT attname AS name FROM pg_attribute
  WHERE attrelid = to_regclass('schema_migrations') AND attnum > 0 AND NOT attisdropped`;

/**
 * Makes the table of applied migrations. Not with IF NOT EXISTS, which needs the right to create tables also where there is
 * nothing to create.
 * @throws if the table belongs to another program: Rails and golang-migrate use the same name
 */
async function makeLedger(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(LEDGER_COLUMNS);
  if (rows.length === 0) {
    await client.query(LEDGER);
    return;
  }
  const columns = rows.map(({ name }) => name);
  if (columns.includes('name') && columns.includes('checksum')) return;
  throw new Error('the table schema_migrations belongs to another program: give the service a database of its own');
}

/** Compares the ledger with the files of this build, and returns the files that have to be applied. */
async function findPending(client: pg.Client, migrations: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'SELECT name, checksum FROM schema_migrations ORDER BY name',
  );
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const unknown = rows.map(({ name }) => name).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new Error(
      `the database was migrated by a newer build (${unknown.join(', ')}): start that build or a newer one`,
    );
  }
  const applied = new Map(rows.map(({ name, checksum }) => [name, checksum]));
  for (const { name, checksum } of migrations) {
    const before = applied.get(name) ?? checksum;
    if (before !== checksum) throw new Error(`migration ${name} was changed after it was applied: restore the file`);
  }
  return migrations.filter(({ name }) => !applied.has(name));
}

/** Whether the user may change the schema: false where it may not create tables, or does not own the ones that are there. */
const MAY_CHANGE = `SELECT current_user AS name, has_schema_privilege(current_schema(), 'CREATE')
  AND (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('schema_migrations')) AS may`;

/** @throws if migrations are pending that the user may not apply */
async function checkRights(client: pg.Client, pending: readonly Migration[]): Promise<void> {
  const { rows } = await client.query<{ name: string; may: boolean | null }>(MAY_CHANGE);
  if (rows[0]?.may !== false) return;
  const names = pending.map(({ name }) => name).join(', ');
  throw new Error(
    `run migrate first, as the role that owns the tables (npm run ops -- migrate): ${names} must be applied, and ${rows[0].name} may not change the schema`,
  );
}

const TAKEN = /^(42P06|42P07|42710|42723)$/; // a schema, table, type, constraint or function of this name exists

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    const state = sqlStateOf(error) ?? '';
    if (state === LOCK_NOT_AVAILABLE) throw error;
    const advice = TAKEN.test(state)
      ? ', and this service has not made it: give the service a database of its own'
      : '';
    throw new Error(`migration ${name}: ${describeDatabaseProblem(null, error)}${advice}`, { cause: error });
  }
  await client.query('INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)', [name, checksum]);
}

// A session that waits for a table blocks every later one: for a moment only, and then they go first.
const LOCK_TIMEOUT_MS = 2_000;
const PAUSE_MS = 1_000;
const ATTEMPTS = 20;
// Between two statements. A process that is frozen in the middle would keep every other one from starting.
const FROZEN_AFTER_MS = 30_000;

/** All of them in one transaction, or none; and with them what the roles may do. */
async function applyOnce(client: pg.Client, { migrations, grants }: Files): Promise<string[]> {
  await client.query(BEGIN_MIGRATION);
  try {
    await client.query(`SET LOCAL idle_in_transaction_session_timeout = ${FROZEN_AFTER_MS}`);
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK_KEY]);
    // Not before: another process that migrates is waited for.
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await makeLedger(client);
    const pending = await findPending(client, migrations);
    if (pending.length > 0) await checkRights(client, pending);
    for (const migration of pending) await apply(client, migration);
    if (grants !== null) await client.query(grants);
    await client.query('COMMIT');
    return pending.map(({ name }) => name);
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // of what has failed already
    throw error;
  }
}

const LOCK_NOT_AVAILABLE = '55P03';

async function applyPatiently(client: pg.Client, files: Files, signal: AbortSignal | undefined): Promise<string[]> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await applyOnce(client, files);
    } catch (error) {
      if (attempt === ATTEMPTS || sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
      await sleep(PAUSE_MS, undefined, signal && { signal });
    }
  }
}

const ANSWER_MS = 10_000;

async function checkServer(client: pg.Client): Promise<void> {
  // The driver has this limit for each query; its types have it for a client alone.
  const query = { text: SERVER_FACTS, query_timeout: ANSWER_MS } as pg.QueryConfig;
  const { rows } = await client.query<ServerFacts>(query);
  const problem = rows[0] === undefined ? null : problemOfServer(rows[0]);
  if (problem !== null) throw new Error(problem);
}

/**
 * Applies the numbered SQL files of a directory that this database has not seen, in order, all or none of them, and `grants.sql`. Any
 * number of processes may start at once: the others wait for the first. The lock ends with its transaction, so that it
 * cannot be left behind, also not behind a pooler that shares sessions. A table that is in use is waited for briefly, and
 * again after a while, for about a minute in all.
 * @param signal ends the connection when it is aborted; nothing is applied then
 * @returns the names of the files that were applied now
 * @throws Error whose message is one line that says what is wrong and what to do: the database cannot be reached within ten
 *   seconds, is not one that the service can use, has a schema of a newer build or of another program, or refuses a file
 */
export async function migrate(databaseUrl: string, directory: string, signal?: AbortSignal): Promise<string[]> {
  const files = { migrations: await readMigrations(directory), grants: await readGrants(directory) };
  signal?.throwIfAborted();
  // Our own socket, since `end` waits for the server, and of a client that is connecting it settles nothing.
  const socket = new Socket();
  const cut = () => void socket.destroy();
  signal?.addEventListener('abort', cut, { once: true });
  try {
    const client = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'resolution-center migrate',
      connectionTimeoutMillis: ANSWER_MS,
      keepAlive: true,
      stream: () => socket,
    });
    client.on('error', () => {}); // what fails is also raised by the query that it fails
    await client.connect();
    await checkServer(client);
    const applied = await applyPatiently(client, files, signal);
    await client.end();
    return applied;
  } catch (error) {
    throw new Error(describeDatabaseProblem(databaseUrl, error), { cause: error });
  } finally {
    signal?.removeEventListener('abort', cut);
    cut();
  }
}

/**
 * Checks that a database has the schema of this build, without changing it.
 * @throws Error whose message is one line that says what is wrong and what to do: the database cannot be reached within ten
 *   seconds, is not one that the service can use, or has an older or newer schema
 */
export async function checkSchema(databaseUrl: string, directory: string): Promise<void> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'resolution-center check',
    connectionTimeoutMillis: ANSWER_MS,
  });
  client.on('error', () => {}); // what fails is also raised by the query that it fails
  try {
    await client.connect();
    await checkServer(client);
    const { rows } = await client.query(LEDGER_COLUMNS);
    const migrations = await readMigrations(directory);
    const pending = rows.length === 0 ? migrations : await findPending(client, migrations);
    const [first] = pending;
    if (first !== undefined)
      throw new Error(`the schema is older than this build (${first.name} is missing): run migrate first`);
  } catch (error) {
    throw new Error(describeDatabaseProblem(databaseUrl, error), { cause: error });
  } finally {
    await client.end().catch(() => {}); // it may never have been connected
  }
}
