import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import pg from 'pg';
import { MIGRATIONS, migrate } from '../../src/platform/migrations.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { createDatabase } from '../harness/database.ts';
import { waitFor } from '../harness/wait-for.ts';

/** The migrations of this build, and one that is new to every database of the tests. */
async function newMigration(sql: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'resolution-center-migrations-'));
  onCleanup(() => rm(directory, { recursive: true, force: true }));
  await cp(MIGRATIONS, directory, { recursive: true });
  await writeFile(join(directory, '9999_new.sql'), sql);
  return directory;
}

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
