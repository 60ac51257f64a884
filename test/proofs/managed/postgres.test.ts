import { describe, expect, test } from 'vitest';
import { createDatabase, type TestDatabase } from '../../harness/database.ts';
import { runProgram, startProcess } from '../../harness/process.ts';
import { startProxy } from '../../harness/programs/proxy.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { LONG } from '../../harness/run/long.ts';
import { anOrderReport, CLIENT, seedDispute } from '../../harness/seed.ts';
import { type Service, startService, testEnvironment } from '../../harness/service.ts';
import type { EventPage } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { runMainFlow } from './flow.ts';
import { faultsOf } from './judge.ts';
import { observe } from './observe.ts';
import { POSTGRES_ROWS } from './postgres-rows.ts';
import { move } from './servers/logical-move.ts';
import { createRole, OTHER_DEFAULTS, setDefaults } from './servers/other-defaults.ts';
import { hasPgBouncer, startPgBouncer } from './servers/pgbouncer.ts';
import { startManagedPostgres } from './servers/postgres-server.ts';

const LINES_AT_MOST = 60;
const INFO = 30;
const ENV = { WINDOW_CANCELLATION: 'PT2S', REMINDERS: 'none', LOG_LEVEL: 'info' };

const readiness = async (service: Pick<Service, 'withAuthorization'>) => {
  const { status, body } = await service.withAuthorization(null).get<{ postgres: string }>('/readyz');
  return { status, postgres: body.postgres };
};

const warningsOf = ({ log }: Service) => log.lines().filter(({ level }) => level > INFO);

const QUIET_MS = 3_000;
/** The whole table is `npm run test:managed`; the tests below are about most of its other settings. */
const SHORT = 'no connection to be had';

test.each(POSTGRES_ROWS.filter(({ name }) => name.includes(SHORT)))('all promises hold with $name', async (row) => {
  expect(faultsOf(row, await observe(await row.setUp(), QUIET_MS))).toEqual([]);
});

/** What a start says where the service cannot start. */
async function refusalOf(databaseUrl: string): Promise<{ code: number | null; err: string }> {
  const running = runProgram('main.js', [], { env: testEnvironment(databaseUrl, await testRedisUrl()) });
  const { code } = await running.exited;
  return { code, err: running.stderr() };
}

describe('a PostgreSQL that takes no writes', () => {
  test('a failover behind one address is over with the next write: no connection to the demoted server is used', async () => {
    const primary = await startManagedPostgres();
    const before = await primary.createDatabase('service');
    const standby = await primary.startStandby();
    const after = standby.database('service');
    expect(await refusalOf(after.url)).toEqual({
      code: 1,
      err: 'The service could not start: the database is read-only, since its server is a standby: DATABASE_URL must name the primary\n',
    });

    const address = await startProxy(before.url);
    const service = await startService({ database: before, databaseUrl: address.url });
    await Promise.all(Array.from({ length: 8 }, () => seedDispute(service, 'cancellation')));
    // Replication is asynchronous: what the standby has not got yet when it is promoted is lost, whatever the service does.
    await waitFor('the standby has all of it', async () => {
      const rows = await after.query('SELECT count(*)::integer FROM disputes');
      return rows[0]?.['count'] === 8;
    });
    await standby.query('SELECT pg_promote()');
    address.moveTo(after.url);
    // Connections stay, as behind a name or a load balancer: only an error tells that their server is not the primary any more.
    await primary.configure({ default_transaction_read_only: 'on' });
    const opened = await Promise.all(Array.from({ length: 8 }, () => seedDispute(service, 'cancellation')));
    expect(opened.map(({ status }) => status)).toEqual(Array(8).fill('open'));
    expect(await after.query('SELECT count(*)::integer FROM disputes')).toEqual([{ count: 16 }]);
    expect(await readiness(service)).toEqual({ status: 200, postgres: 'up' });
    await service.close();
  });

  test('is 503 and not ready, named once in the log, and used again without a restart', async () => {
    const server = await startManagedPostgres();
    const database = await server.createDatabase();
    const service = await startService({ role: 'all', database, env: ENV });
    const { id } = await seedDispute(service, 'order_change');
    expect(await readiness(service)).toEqual({ status: 200, postgres: 'up' });
    await server.configure({ default_transaction_read_only: 'on' });
    await waitFor('it is seen', async () => (await readiness(service)).postgres === 'read_only');
    const refused = [
      await service.as(CLIENT).post(`/v1/disputes/${id}/accept`),
      await service.withScopes('orders:write').put('/v1/orders/another', anOrderReport()),
      await service.withScopes('ops').post('/v1/ops/holds', { note: 'Down.' }),
    ];
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503]);
    expect(refused.map(({ headers }) => Number(headers['retry-after']) > 0)).toEqual([true, true, true]);
    expect((await service.as(CLIENT).get(`/v1/disputes/${id}`)).status).toBe(200);
    expect(await readiness(service)).toEqual({ status: 503, postgres: 'read_only' });
    expect(warningsOf(service).filter(({ msg }) => msg === 'PostgreSQL takes no writes')).toHaveLength(1);
    expect(warningsOf(service).length).toBeLessThan(LINES_AT_MOST);

    await server.configure({ default_transaction_read_only: 'off' });
    await waitFor('it is ready', async () => (await readiness(service)).status === 200);
    expect((await service.as(CLIENT).post(`/v1/disputes/${id}/accept`)).status).toBe(200);
    expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
    await service.close();
  });

  test('says so at the start', async () => {
    const database = await createDatabase();
    await setDefaults(database, { default_transaction_read_only: 'on' });
    expect(await refusalOf(database.url)).toEqual({
      code: 1,
      err: 'The service could not start: the database is read-only: turn default_transaction_read_only off for the server, the database and the role\n',
    });
  });
});

test('a full disk is 503 with Retry-After, and over when it has room', async () => {
  const database = await createDatabase();
  const service = await startService({ database });
  const report = () => service.withScopes('orders:write').put('/v1/orders/one', anOrderReport());
  await database.query(`CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`);
  await database.query('CREATE TRIGGER full_disk BEFORE INSERT ON orders EXECUTE FUNCTION full_disk()');
  const { status, headers } = await report();
  expect([status, Number(headers['retry-after']) > 0]).toEqual([503, true]);
  await database.query('DROP TRIGGER full_disk ON orders');
  expect((await report()).status).toBe(201);
  await service.close();
});

describe('a role and a database whose defaults are all others', () => {
  const flows = async (database: TestDatabase, databaseUrl: string) => {
    const service = await startProcess({ database, databaseUrl, env: ENV });
    const { accepted, cancelled, events } = await runMainFlow(service);
    expect([accepted.resolution, cancelled.status, events]).toEqual(['accepted', 'mutually_cancelled', 4]);
    expect(Date.parse(accepted.openedAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(service.stdout()).not.toContain('"level":50');
    expect((await service.stop()).code).toBe(0);
  };

  test('change nothing about the main flow', async () => {
    const database = await createDatabase();
    await setDefaults(database, OTHER_DEFAULTS);
    await flows(database, await createRole(database, { settings: OTHER_DEFAULTS }));
  });

  test.runIf(LONG && hasPgBouncer)(
    'change nothing through PgBouncer in transaction mode (needs pgbouncer)',
    async () => {
      const database = await createDatabase();
      await setDefaults(database, OTHER_DEFAULTS);
      const url = await createRole(database, { settings: OTHER_DEFAULTS });
      await flows(database, await startPgBouncer({ ...database, url }, 3));
    },
  );
});

describe('fewer connections than the pool has', () => {
  // More than the pool has. Each may wait as long as the service lets it for a connection, also on a busy machine.
  const SHARED = 20;
  const opensAll = async (service: Service) => {
    const opened = await Promise.all(Array.from({ length: SHARED }, () => seedDispute(service, 'cancellation')));
    expect(new Set(opened.map(({ id }) => id)).size).toBe(SHARED);
    expect(await readiness(service)).toEqual({ status: 200, postgres: 'up' });
    expect(warningsOf(service).filter(({ msg }) => msg === 'request failed')).toEqual([]);
    expect(warningsOf(service).length).toBeLessThan(LINES_AT_MOST);
  };

  test('serve all callers, who wait for them', async () => {
    const database = await createDatabase();
    const databaseUrl = await createRole(database, { connectionLimit: 2 });
    const service = await startService({ role: 'all', database, databaseUrl, env: ENV });
    await opensAll(service);
    await service.close();
  });

  (hasPgBouncer ? test : test.skip)(
    'serve all callers through PgBouncer with two to the server (needs pgbouncer)',
    async () => {
      const database = await createDatabase();
      const service = await startService({
        role: 'all',
        database,
        databaseUrl: await startPgBouncer(database, 2),
        env: ENV,
      });
      await opensAll(service);
      await service.close();
    },
  );

  test('are refused with 503 and Retry-After where others have them all', async () => {
    const database = await createDatabase();
    const databaseUrl = await createRole(database, { connectionLimit: 1 });
    const other = await startService({ database, databaseUrl });
    const client = await other.deps.write.db.connections.take();
    const service = await startService({ database, databaseUrl });
    const { status, headers } = await service.as(CLIENT).get('/v1/disputes');
    expect([status, Number(headers['retry-after']) > 0]).toEqual([503, true]);
    expect(await readiness(service)).toEqual({ status: 503, postgres: 'down' });
    client.release(true);
    await waitFor('it is ready', async () => (await readiness(service)).status === 200);
    await service.close();
  });
});

test.runIf(LONG)('after a move by logical replication, the feed goes on with rising numbers', async () => {
  const server = await startManagedPostgres({ wal_level: 'logical' });
  const blue = await server.createDatabase();
  const before = await startService({ role: 'all', database: blue, env: ENV });
  await runMainFlow(before);
  const feedOf = async (service: Service, after: number) =>
    (await service.withScopes('events:read').get<EventPage>(`/v1/events?after=${after}`)).body;
  const read = await feedOf(before, 0);
  await before.close();

  const green = await move(server, blue);
  const service = await startService({ role: 'all', database: green, env: ENV });
  expect((await feedOf(service, 0)).data).toEqual(read.data);
  await runMainFlow(service);
  const page = await waitFor('the new events have numbers', async () => {
    const found = await feedOf(service, read.nextAfter);
    return found.data.length >= read.data.length && found;
  });
  const numbers = [...read.data, ...page.data].map(({ seq }) => seq);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
  await service.close();
});
