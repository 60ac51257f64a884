import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { MIGRATIONS, migrate } from '../../../src/platform/postgres/migrations.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { letTimePass } from '../../harness/database.ts';
import { runProgram } from '../../harness/process.ts';
import { createRoleDatabase, type Role, type RoleDatabase } from '../../harness/roles.ts';
import { CLIENT, FREELANCER, seedDispute } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import { advance, makeClock, orderOnClock, tester } from '../../harness/test-clocks.ts';
import type { Dispute } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';

let database: RoleDatabase;

async function connectAs(role: Role): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.urlOf(role) });
  await client.connect();
  onCleanup(() => client.end());
  return client;
}

const migrateAs = async (role: Role) => {
  const command = runProgram('cli/ops.js', ['migrate'], { env: { DATABASE_URL: database.urlOf(role) } });
  const { code } = await command.exited;
  return { code, out: command.stdout(), err: command.stderr() };
};

beforeAll(async () => {
  database = await createRoleDatabase();
  const migrated = await migrateAs('migrate');
  if (migrated.code !== 0) throw new Error(migrated.err);
});

test('npm run migrate has nothing to do the second time, and then every role that starts the service may ask', async () => {
  for (const role of ['migrate', 'app'] as const) {
    expect(await migrateAs(role)).toMatchObject({ code: 0, out: 'nothing to migrate\n' });
  }
});

test('the service works with the role that is made for it', async () => {
  const env = { MODE: 'sandbox' };
  const service = await startService({ role: 'all', env, database, databaseUrl: database.urlOf('app') });
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

test('the migration itself ends with the grants: there is no moment in which the service may delete from the log', async () => {
  // As the next release: a migration is pending, and what it makes belongs to the role that migrates.
  const fresh = await createRoleDatabase();
  await migrate(fresh.urlOf('migrate'), MIGRATIONS);
  const asApp = new pg.Client({ connectionString: fresh.urlOf('app') });
  await asApp.connect();
  onCleanup(() => asApp.end());
  await expect(asApp.query('DELETE FROM log_entries')).rejects.toMatchObject({ code: '42501' });
  await expect(asApp.query('UPDATE log_entries SET actor_id = $1', ['user-1'])).rejects.toMatchObject({
    code: '42501',
  });
  expect((await asApp.query('UPDATE log_entries SET comment = NULL')).rowCount).toBe(0);
  // A table that no migration has made is no table of the service.
  await fresh.query('CREATE TABLE another_programs (id integer)');
  await expect(asApp.query('DELETE FROM another_programs')).rejects.toMatchObject({ code: '42501' });
});

test('with pending migrations the role of the service says on one line that migrate comes first', async () => {
  const fresh = await createRoleDatabase();
  await migrate(fresh.urlOf('migrate'), MIGRATIONS);
  const directory = await mkdtemp(join(tmpdir(), 'migrations-'));
  onCleanup(() => rm(directory, { recursive: true }));
  await cp(MIGRATIONS, directory, { recursive: true });
  await writeFile(join(directory, '9999_new.sql'), 'ALTER TABLE orders ADD COLUMN note text');
  await expect(migrate(fresh.urlOf('app'), directory)).rejects.toThrow(
    /^run migrate first, as the role that owns the tables \(npm run ops -- migrate\): 9999_new\.sql must be applied, and resolution_center_app may not change the schema$/,
  );
  expect(await migrate(fresh.urlOf('migrate'), directory)).toEqual(['9999_new.sql']);
});

test('the role for operators sees the sessions of others and what blocks them, ends them, and reads facts', async () => {
  const operator = await connectAs('operator');
  const app = await connectAs('app');
  const { rows } = await app.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid;
  const seen = await operator.query('SELECT query FROM pg_stat_activity WHERE pid = $1', [pid]);
  expect(seen.rows).toEqual([{ query: 'SELECT pg_backend_pid() AS pid' }]);
  await operator.query('SELECT id, status FROM disputes');
  await expect(operator.query('SELECT comment FROM disputes')).rejects.toMatchObject({ code: '42501' });
  app.on('error', () => {});
  expect((await operator.query('SELECT pg_terminate_backend($1) AS ended', [pid])).rows).toEqual([{ ended: true }]);
});

test('the role that reads has every column but traces, secrets, what people wrote and what receivers answered', async () => {
  const hidden = await database.query<{ name: string }>(
    `SELECT format('%s.%s', c.relname, a.attname) AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
       AND NOT has_column_privilege('resolution_center_read', c.oid, a.attnum, 'SELECT')
       AND has_any_column_privilege('resolution_center_read', c.oid, 'SELECT') ORDER BY name`,
  );
  // A new column belongs into migrations/grants.sql, or here.
  expect(hidden.map(({ name }) => name)).toEqual([
    'disputes.comment',
    'log_entries.comment',
    'log_entries.trace_parent',
    'webhook_attempts.response',
    'webhook_endpoints.previous_secret',
    'webhook_endpoints.secret',
  ]);
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
