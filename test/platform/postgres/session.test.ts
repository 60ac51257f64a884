import { sql } from 'drizzle-orm';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase, type Tx, withTx } from '../../../src/platform/postgres/database.ts';
import { openDeployment } from '../../../src/platform/postgres/deployment.ts';
import { MIGRATIONS, migrate } from '../../../src/platform/postgres/migrations.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { createDatabase, type TestDatabase } from '../../harness/database.ts';
import { createRole, OTHER_DEFAULTS } from '../../proofs/managed/servers/other-defaults.ts';

const PINNED = {
  search_path: 'public',
  synchronous_commit: 'on',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  transaction_isolation: 'read committed',
  statement_timeout: '4s',
  lock_timeout: '2s',
};

let database: TestDatabase;
let roleUrl: string;
beforeAll(async () => {
  database = await createDatabase();
  // What a search path of its own must not lead to.
  await database.query(
    `CREATE SCHEMA elsewhere CREATE TABLE orders (id text) CREATE TABLE deployment (id text, mode text)`,
  );
  roleUrl = await createRole(database, { settings: OTHER_DEFAULTS });
  await database.query(`GRANT USAGE ON SCHEMA elsewhere TO PUBLIC`);
  await database.query(`GRANT SELECT ON ALL TABLES IN SCHEMA elsewhere TO PUBLIC`);
});

function open(url: string, poolSize = 1): Database {
  const db = openDatabase({ url, poolSize, applicationName: 'session', onError: () => {} });
  onCleanup(() => db.pool.end());
  return db;
}

const settingsIn = async (db: Pick<Tx, 'execute'>) => {
  const asked = Object.keys(PINNED).map((name) => sql`current_setting(${name}) AS ${sql.identifier(name)}`);
  const { rows } = await db.execute(sql`SELECT ${sql.join(asked, sql`, `)}`);
  return rows[0];
};

describe('with a role whose defaults are all others', () => {
  test('a transaction has the settings of the service, so that what it commits survives a crash', async () => {
    expect(await withTx(open(roleUrl), settingsIn)).toEqual(PINNED);
  });

  test('a read outside a transaction has them, too', async () => {
    const { query } = open(roleUrl);
    expect(await settingsIn(query)).toEqual(PINNED);
    const { rows } = await query.execute(sql`SELECT 'orders'::regclass::text AS name, 1 / 3::float8 AS third`);
    expect(rows).toEqual([{ name: 'orders', third: 1 / 3 }]);
  });

  test('a read that fails leaves its connection to the next one', async () => {
    const { query, pool } = open(roleUrl);
    await expect(query.execute(sql`SELECT 1 / ${0}::integer`)).rejects.toThrow();
    expect((await query.execute(sql`SELECT 1 AS one`)).rows).toEqual([{ one: 1 }]);
    expect(pool.totalCount).toBe(1);
  });

  test('the deployment is found', async () => {
    expect(await openDeployment(roleUrl, 'live')).toBe(await openDeployment(database.url, 'live'));
  });

  test('the migrations find that there is nothing to do', async () => {
    expect(await migrate(roleUrl, MIGRATIONS)).toEqual([]);
  });
});

test.each(Object.entries(OTHER_DEFAULTS))(
  'with %s = %s alone, transactions and reads have the settings of the service',
  async (name, value) => {
    const db = open(await createRole(database, { settings: { [name]: value } }));
    expect(await withTx(db, settingsIn)).toEqual(PINNED);
    const { rows } = await db.query.execute(sql`SELECT 'orders'::regclass::text AS name, 1 / 3::float8 AS third,
    '\\x00ff'::bytea::text AS bytes, 'P1D'::interval::text AS day, current_setting('transaction_isolation') AS isolation,
    to_timestamp(0) AT TIME ZONE 'UTC' AS at`);
    expect(rows).toEqual([
      {
        name: 'orders',
        third: 1 / 3,
        bytes: '\\x00ff',
        day: '1 day',
        isolation: 'read committed',
        at: expect.stringMatching(/^1970-01-01/),
      },
    ]);
  },
);

test('a read with the usual settings goes without a transaction of its own', async () => {
  const { query } = open(database.url);
  const answer = await query.execute(
    sql`SELECT current_setting('plan_cache_mode') AS mode, current_setting('lock_timeout') AS lock`,
  );
  expect(answer.rows).toEqual([{ mode: 'auto', lock: '0' }]);
});

describe('a schema of the name of the role', () => {
  test('does not come between the service and its tables', async () => {
    const url = await createRole(database);
    const name = new URL(url).username;
    await database.query(`CREATE SCHEMA ${name} CREATE TABLE orders (id text)`);
    onCleanup(() => database.query(`DROP SCHEMA ${name} CASCADE`));
    await database.query(`GRANT USAGE ON SCHEMA ${name} TO ${name}`);
    const { rows } = await open(url).query.execute(sql`SELECT 'orders'::regclass::text AS name`);
    expect(rows).toEqual([{ name: 'orders' }]); // else it had its schema before it
    const columns = await open(url).query.execute(sql`SELECT client_id FROM orders`);
    expect(columns.rows).toEqual([]);
  });
});
