import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { MIGRATIONS, migrate } from '../../../src/platform/postgres/migrations.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { createDatabase, type TestDatabase } from '../../harness/database.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { createRole, OTHER_DEFAULTS, setDefaults } from '../../proofs/managed/servers/other-defaults.ts';

/** The migrations of this build, and one that is new to every database of the tests. */
async function newMigration(sql: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'resolution-center-migrations-'));
  onCleanup(() => rm(directory, { recursive: true, force: true }));
  await cp(MIGRATIONS, directory, { recursive: true });
  await writeFile(join(directory, '9999_new.sql'), sql);
  return directory;
}

test('each migration has a number of its own', async () => {
  const numbers = (await readdir(MIGRATIONS)).flatMap((name) => /^\d{4}/.exec(name) ?? []);
  expect(numbers.toSorted()).toEqual(numbers.map((_, index) => String(index + 1).padStart(4, '0')));
});

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onCleanup(() => client.end());
  return client;
}

test('a migration that waits for a table lets those go first who come after it, and is applied in the end', async () => {
  const { url } = await createDatabase();
  const [reader, other] = [await connect(url), await connect(url)];
  await reader.query('BEGIN');
  await reader.query('SELECT 1 FROM orders');
  const migrated = migrate(url, await newMigration('ALTER TABLE orders ADD COLUMN note text'));
  await waitFor('it waits for the table', async () => {
    const { rows } = await other.query(`SELECT 1 FROM pg_locks WHERE relation = 'orders'::regclass AND NOT granted`);
    return rows.length > 0;
  });
  // With the reader's transaction open, this would never be answered.
  expect((await other.query('SELECT 1 FROM orders')).rows).toEqual([]);
  await reader.query('COMMIT');
  expect(await migrated).toEqual(['9999_new.sql']);
  expect((await other.query('SELECT note FROM orders')).rows).toEqual([]);
});

test('a migration that the database refuses leaves nothing behind', async () => {
  const { url } = await createDatabase();
  const client = await connect(url);
  const directory = await newMigration('ALTER TABLE orders ADD COLUMN note text; SELECT 1 / 0');
  await expect(migrate(url, directory)).rejects.toThrow('migration 9999_new.sql: division by zero');
  await expect(client.query('SELECT note FROM orders')).rejects.toThrow('does not exist');
});

test('prices of extras that were stored as bare amounts become money in the currency of the order, once', async () => {
  const { url } = await createDatabase();
  const client = await connect(url);
  const id = '0198c5a0-0000-7000-8000-000000000001';
  const old = (title: string, price: unknown) => JSON.stringify([{ title, price }]);
  await client.query(
    `INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision, extras,
       version, created_at, updated_at)
     VALUES ('old', 'a', 'b', 'in_dispute', 'late', 1, 'EUR', 1, $1, 1, now(), now()),
       ('none', 'a', 'b', 'late', 'late', 1, 'EUR', 1, '[]', 1, now(), now())`,
    [old('First', 7)],
  );
  await client.query(
    `INSERT INTO disputes (id, order_id, type, status, opener_role, client_id, freelancer_id, change, opened_at, updated_at,
       respond_by, version, deadline_seq)
     VALUES ($1, 'old', 'order_change', 'open', 'freelancer', 'a', 'b', jsonb_build_object('deliverBy', null, 'extras', $2::jsonb),
       now(), now(), now() + interval '1 day', 1, 1)`,
    [id, old('Second', 9)],
  );
  const data = {
    order: { price: { amount: 1, currency: 'EUR' }, extras: [{ title: 'First', price: 7 }] },
    dispute: { change: { deliverBy: null, extras: [{ title: 'Second', price: 9 }] } },
    previous: null,
  };
  await client.query(
    `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, data)
     VALUES ('old', 1, gen_random_uuid(), 'dispute.opened', now(), $1, 'freelancer', 'b', 'request:x', $2)`,
    [id, JSON.stringify(data)],
  );
  const again = await readFile(join(MIGRATIONS, '0015_money_of_extras.sql'), 'utf8');
  await migrate(url, await newMigration(`${again}\n${again}`));

  const money = (title: string, amount: number) => [{ title, price: { amount, currency: 'EUR' } }];
  const orders = await client.query("SELECT extras FROM orders ORDER BY id = 'none'");
  expect(orders.rows).toEqual([{ extras: money('First', 7) }, { extras: [] }]);
  const disputes = await client.query('SELECT change FROM disputes');
  expect(disputes.rows).toEqual([{ change: { deliverBy: null, extras: money('Second', 9) } }]);
  const entries = await client.query<{ data: typeof data }>('SELECT data FROM log_entries');
  expect(entries.rows[0]?.data.order.extras).toEqual(money('First', 7));
  expect(entries.rows[0]?.data.dispute.change.extras).toEqual(money('Second', 9));
});

describe('a new database', () => {
  const withoutTables = async (): Promise<TestDatabase> => {
    const database = await createDatabase();
    await database.query('DROP SCHEMA public CASCADE');
    return database;
  };

  test('whose defaults are all others is migrated, by whichever of several processes comes first', async () => {
    const database = await withoutTables();
    await database.query('CREATE SCHEMA public');
    await setDefaults(database, OTHER_DEFAULTS);
    const applied = await Promise.all([1, 2, 3].map(() => migrate(database.url, MIGRATIONS)));
    expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
    expect(
      await database.query(`SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename = 'orders'`),
    ).toHaveLength(1);
  });

  test('without the schema public says so on one line', async () => {
    const { url } = await withoutTables();
    await expect(migrate(url, MIGRATIONS)).rejects.toThrow(
      /^the database at \S+ says "no schema has been selected to create in": create the schema public, or grant USAGE and CREATE on it to postgres$/,
    );
  });

  test('whose schema public the role may not use says so on one line', async () => {
    const database = await withoutTables();
    await database.query('CREATE SCHEMA public');
    const url = await createRole(database);
    await expect(migrate(url, MIGRATIONS)).rejects.toThrow(
      /: create the schema public, or grant USAGE and CREATE on it to service_\w+$/,
    );
    await database.query('GRANT USAGE ON SCHEMA public TO PUBLIC');
    await expect(migrate(url, MIGRATIONS)).rejects.toThrow(
      /permission denied for schema public": grant it to service_\w+, or migrate with an account that may: npm run ops -- migrate$/,
    );
  });

  test('that takes no writes says so on one line', async () => {
    const database = await createDatabase();
    await setDefaults(database, { default_transaction_read_only: 'on' });
    await expect(migrate(database.url, MIGRATIONS)).rejects.toThrow(
      'the database is read-only: turn default_transaction_read_only off for the server, the database and the role',
    );
  });
});
