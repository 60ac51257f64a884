import { Registry } from 'prom-client';
import { beforeAll, describe, expect, test } from 'vitest';
import type { WorkersLook } from '../../src/application/heartbeats/watch.ts';
import { addGauges } from '../../src/metrics/gauges.ts';
import { openDatabase } from '../../src/platform/postgres/database.ts';
import { watchPostgres } from '../../src/platform/postgres/postgres-health.ts';
import type { RedisState } from '../../src/platform/redis/redis-state.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { letTimePass } from '../harness/database.ts';
import { captureLog } from '../harness/log.ts';
import { startProxy } from '../harness/programs/proxy.ts';
import { testRedisUrl } from '../harness/redis.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';

const HOUR = 3_600_000;
const AWAY = () => Promise.reject(new Error('Redis is away'));

let service: Service;
beforeAll(async () => {
  service = await startService();
});

/** The samples of a scrape, by name with labels. */
const samplesIn = (text: string): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...text.matchAll(/^([a-z_]\w*(?:\{[^}]*\})?) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]),
  );

const minutesOf = (seconds: number | undefined): number => Math.round(Number(seconds) / 60);

interface Scene {
  readonly isWorker?: boolean;
  readonly db?: Service['deps']['write']['db'];
  readonly countJobs?: () => Promise<Readonly<Record<string, number>>>;
  readonly lookAtRedis?: () => Promise<RedisState>;
  readonly lookAtWorkers?: () => Promise<WorkersLook>;
}

/** What the gauges of a process say that looks for the first time. */
async function look({ isWorker = true, db = service.deps.write.db, ...over }: Scene = {}) {
  const registry = new Registry();
  const { lookAtPostgres, lookAtRedis } = service.deps.app.system;
  const measure = addGauges(
    registry,
    { db, lookAtPostgres, lookAtRedis, lookAtWorkers: null, countJobs: async () => ({}), ...over },
    isWorker,
  );
  await measure();
  return samplesIn(await registry.metrics());
}

describe('the gauges of a worker', () => {
  test('say how many deadlines are overdue, and since when, and leave out what is held', async () => {
    const other = await startService();
    const { db } = other.deps.write;
    expect(await look({ db })).toMatchObject({ deadlines_overdue: 0, deadlines_oldest_overdue_age_seconds: 0 });
    const [first, second] = [await seedDispute(other, 'cancellation'), await seedDispute(other, 'order_update')];
    await letTimePass(other.database, first.id, 50 * HOUR);
    await letTimePass(other.database, second.id, 49 * HOUR);
    const overdue = await look({ db });
    expect(overdue['deadlines_overdue']).toBe(2);
    expect(minutesOf(overdue['deadlines_oldest_overdue_age_seconds'])).toBe(120);
    await other.withScopes('ops').post('/v1/ops/holds', { note: 'Mail is down.', type: 'cancellation' });
    // It began before the deadline had passed.
    await other.database.query(`UPDATE holds SET since = since - interval '100 hours'`);
    const rest = await look({ db });
    expect(rest['deadlines_overdue']).toBe(1);
    expect(minutesOf(rest['deadlines_oldest_overdue_age_seconds'])).toBe(60);
  });

  test('say which holds last, in every process', async () => {
    const other = await startService();
    const seen = () => look({ db: other.deps.write.db, isWorker: false });
    expect(await seen()).toMatchObject({ holds_active: 0, hold_of_all_age_seconds: 0 });
    const begin = async (body: object) =>
      (await other.withScopes('ops').post<{ id: string }>('/v1/ops/holds', body)).body.id;
    await begin({ note: 'Mail is down.', type: 'cancellation' });
    expect(await seen()).toMatchObject({ holds_active: 1, hold_of_all_age_seconds: 0 });
    const ofAll = await begin({ note: 'The site is down.' });
    await other.database.query(
      `UPDATE holds SET since = since - interval '14 hours', created_at = created_at - interval '13 hours' WHERE id = $1`,
      [ofAll],
    );
    await begin({ note: 'It still is.' });
    const held = await seen();
    expect([held['holds_active'], minutesOf(held['hold_of_all_age_seconds'])]).toEqual([3, 13 * 60]);
    await other.database.query('UPDATE holds SET released_at = clock_timestamp(), released_by = $1', ['ana']);
    expect(await seen()).toMatchObject({ holds_active: 0, hold_of_all_age_seconds: 0 });
  });

  test('say for how long a timer has waited to be handed over', async () => {
    expect((await look())['relay_lag_seconds']).toBe(0);
    await seedDispute(service, 'cancellation');
    await service.database.query(`UPDATE timers SET leased_until = clock_timestamp() - interval '10 minutes'`);
    expect(minutesOf((await look())['relay_lag_seconds'])).toBe(10);
    await service.database.query(`UPDATE timers SET leased_until = clock_timestamp() + interval '10 minutes'`);
    expect((await look())['relay_lag_seconds']).toBe(0);
  });

  test('say how full the pool is, and compare the clocks', async () => {
    const found = await look();
    expect(found).toMatchObject({
      database_pool_max_connections: 10,
      database_pool_waiting_requests: 0,
      postgres_up: 1,
    });
    expect(Math.abs(Number(found['clock_skew_seconds']))).toBeLessThan(0.5);
  });

  test('say what is in the queue, and nothing of it while Redis is away', async () => {
    const counted = await look({ countJobs: async () => ({ delayed: 3, waiting: 0 }) });
    expect(counted).toMatchObject({ 'queue_jobs{state="delayed"}': 3, 'queue_jobs{state="waiting"}': 0, redis_up: 1 });
    const away = await look({ countJobs: AWAY, lookAtRedis: async () => ({ redis: 'down' }) });
    expect(Object.keys(away).filter((name) => name.startsWith('queue_jobs'))).toEqual([]);
    expect(away).toMatchObject({ redis_up: 0, postgres_up: 1, deadlines_overdue: 0 });
  });

  test.each(['cut', 'freeze'] as const)('forget what they knew while Postgres and Redis are away (%s)', async (how) => {
    const proxy = await startProxy(service.database.url);
    const db = openDatabase({ url: proxy.url, poolSize: 1, applicationName: 'gauges', onError: () => {} });
    onCleanup(() => db.pool.end());
    let answers = async (): Promise<Record<string, number>> => ({ delayed: 3 });
    const ask = () => answers();
    const registry = new Registry();
    const lookAtPostgres = watchPostgres(db.connections, captureLog('info').log);
    const { lookAtRedis } = service.deps.app.system;
    const measure = addGauges(
      registry,
      { db, lookAtPostgres, lookAtRedis, lookAtWorkers: null, countJobs: ask },
      true,
      {
        freshMs: 0,
        patienceMs: 500,
      },
    );
    const known = async () => {
      await measure();
      const found = samplesIn(await registry.metrics());
      return Object.keys(found).filter((name) => /^deadlines_|relay_lag|clock_skew|queue_jobs/.test(name));
    };
    const all = await waitFor('all is known', async () => {
      const names = await known();
      return names.length === 5 && names;
    });
    expect(all).toContain('queue_jobs{state="delayed"}');
    answers = AWAY;
    proxy[how]();
    expect(await known()).toEqual([]);
    proxy.restore();
  });
});

test('an api says what it reaches, and leaves the deadlines to the workers', async () => {
  const found = await look({ isWorker: false });
  expect(found).toMatchObject({ redis_up: 1, postgres_up: 1 });
  expect(Object.keys(found).filter((name) => /^deadlines_|relay_lag|clock_skew|queue_jobs/.test(name))).toEqual([]);
});

test.each([
  [2, 2],
  [0, 0],
  [null, undefined],
])('an api says how many workers live, and nothing where PostgreSQL does not say it: %j', async (alive, shown) => {
  const found = await look({ isWorker: false, lookAtWorkers: async () => ({ alive }) });
  expect(found['workers_alive']).toBe(shown);
});

describe('a scrape', () => {
  test.each(['cut', 'freeze'] as const)('succeeds while nothing else does (%s)', async (how) => {
    const [postgres, redis] = await Promise.all([startProxy(service.database.url), startProxy(await testRedisUrl())]);
    const { database } = service;
    const api = await startService({ database, databaseUrl: postgres.url, redisUrl: redis.url });
    const scrape = async () => samplesIn((await api.withAuthorization(null).get('/metrics')).text);
    for (const server of [postgres, redis]) server[how]();
    const found = await scrape();
    expect(found).toMatchObject({ postgres_up: 0, redis_up: 0 });
    expect(found['process_start_time_seconds']).toBeGreaterThan(0);
    for (const server of [postgres, redis]) server.restore();
  });

  test('tells how disputes ended, and what brought it about', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
    const late = await seedDispute(service, 'order_update');
    await letTimePass(service.database, late.id, 49 * HOUR);
    await service.as(CLIENT).get(`/v1/disputes/${late.id}`);
    const { text } = await service.withAuthorization(null).get('/metrics');
    expect(samplesIn(text)).toMatchObject({
      'disputes_resolved_total{type="cancellation",trigger="request",resolution="declined"}': 1,
      'disputes_resolved_total{type="order_update",trigger="touch",resolution="expired"}': 1,
      'deadline_lateness_seconds_count{type="order_update",trigger="touch"}': 1,
    });
  });
});
