import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { onCleanup } from '../../harness/cleanup.ts';
import { administrate, createDatabase, letTimePass, type TestDatabase } from '../../harness/database.ts';
import { runProgram } from '../../harness/process.ts';
import { CLIENT, FREELANCER, seedDispute } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import { advance, makeClock, orderOnClock, tester } from '../../harness/test-clocks.ts';
import type { Dispute } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';

const ROLES = join(import.meta.dirname, '../../../ops/roles.sql');
const PASSWORD = 'a password of the tests';

type Role = 'migrate' | 'app' | 'read';

let database: TestDatabase;

const urlOf = (role: Role): string => {
  const url = new URL(database.url);
  [url.username, url.password] = [`resolution_center_${role}`, encodeURIComponent(PASSWORD)];
  return url.href;
};

async function connectAs(role: Role): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: urlOf(role) });
  await client.connect();
  onCleanup(() => client.end());
  return client;
}

const migrate = async (role: Role = 'migrate') => {
  const command = runProgram('cli/ops.js', ['migrate'], { env: { DATABASE_URL: urlOf(role) } });
  const { code } = await command.exited;
  return { code, out: command.stdout(), err: command.stderr() };
};

beforeAll(async () => {
  database = await createDatabase();
  // As a new database is: nothing in it, and its tables will belong to the role that migrates.
  await database.query('DROP SCHEMA public CASCADE');
  await database.query('CREATE SCHEMA public');
  const roles = await readFile(ROLES, 'utf8');
  await database.query(roles);
  await administrate(
    ...(['migrate', 'app', 'read'] as const).map(
      (role) => `ALTER ROLE resolution_center_${role} PASSWORD '${PASSWORD}'`,
    ),
  );
  const migrated = await migrate();
  if (migrated.code !== 0) throw new Error(migrated.err);
  await database.query(roles);
});

test('npm run migrate has nothing to do the second time, and then every role that starts the service may ask', async () => {
  for (const role of ['migrate', 'app'] as const) {
    expect(await migrate(role)).toMatchObject({ code: 0, out: 'nothing to migrate\n' });
  }
});

test('the service works with the role that is made for it', async () => {
  const env = { MODE: 'sandbox' };
  const service = await startService({ role: 'all', env, database, databaseUrl: urlOf('app') });
  const answered = await seedDispute(service, 'cancellation');
  await service
    .as(FREELANCER)
    .post(`/v1/disputes/${answered.id}/decline`, { comment: 'No.' }, { 'idempotency-key': 'a' });
  const silent = await seedDispute(service, 'cancellation');
  await letTimePass(database, silent.id, 48 * 3_600_000);
  await waitFor('silence takes effect', async () => {
    const { body } = await service.as(CLIENT).get<Dispute>(`/v1/disputes/${silent.id}`);
    return body.resolution === 'expired';
  });
  expect((await service.withScopes('events:read').get('/v1/events')).status).toBe(200);
  expect((await service.withScopes('ops').post('/v1/ops/erasures', { userId: CLIENT })).body).toMatchObject({
    erased: 2,
  });
  expect((await service.withScopes('disputes:read').get('/v1/stats')).status).toBe(200);
  const hold = await service.withScopes('ops').post<{ id: string }>('/v1/ops/holds', { note: 'Mail is down.' });
  expect((await service.withScopes('ops').delete(`/v1/ops/holds/${hold.body.id}`)).status).toBe(200);
  const clock = await makeClock(service);
  await seedDispute(service, 'cancellation', { orderId: (await orderOnClock(service, clock)).id });
  await advance(service, clock, 'PT48H');
  expect((await tester(service).delete(`/v1/test-clocks/${clock.id}`)).status).toBe(200);
  expect(service.log.lines().filter(({ level }) => level >= 40)).toEqual([]);
});

describe('what is not allowed', () => {
  test.each<[Role, string]>([
    ['app', 'CREATE TABLE mine (id int)'],
    ['app', 'DROP TABLE orders'],
    ['app', 'ALTER TABLE orders DROP CONSTRAINT orders_pkey'],
    ['app', 'DELETE FROM disputes'],
    ['app', 'DELETE FROM log_entries'],
    ['app', `UPDATE log_entries SET actor_id = 'user-1'`],
    ['app', 'TRUNCATE log_entries'],
    ['app', 'DELETE FROM schema_migrations'],
    ['app', 'DELETE FROM dispute_statistics'],
    ['read', `SELECT delete_orders_of_test_clock(gen_random_uuid(), '{}')`],
    ['read', 'SELECT comment FROM disputes'],
    ['read', 'SELECT * FROM log_entries'],
    ['read', 'SELECT response_body FROM idempotency_keys'],
    ['read', `UPDATE orders SET title = 'x'`],
    ['read', 'SELECT id FROM orders FOR UPDATE'],
  ])('to %s: %s', async (role, statement) => {
    const client = await connectAs(role);
    await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('but to look at facts is', async () => {
    const client = await connectAs('read');
    const { rows } = await client.query('SELECT id, status, resolution FROM disputes');
    expect(rows.length).toBeGreaterThanOrEqual(0);
    expect((await client.query('SELECT seq FROM statistics_position')).rows).toHaveLength(1);
    await client.query('SELECT * FROM dispute_statistics');
  });
});
