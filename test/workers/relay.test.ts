import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { type DeadlineQueue, openQueue } from '../../src/workers/queue.ts';
import { relayOnce } from '../../src/workers/relay.ts';
import { TEST_PREFIX } from '../harness/prefix.ts';
import { testRedisUrl } from '../harness/redis.ts';
import { FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';

let running: Service | undefined;
let queue: DeadlineQueue | undefined;
afterEach(async () => {
  await queue?.close();
  queue = undefined;
  await running?.close();
  const redis = new Redis(await testRedisUrl());
  await redis.flushdb();
  redis.disconnect();
});

async function start(role: 'api' | 'all', env: Record<string, string> = {}): Promise<Service> {
  running = await startService({ role, env: { REMINDERS: 'none', ...env } });
  return running;
}

async function relayOf(service: Service) {
  const { system, log, http } = service.deps.app;
  queue = openQueue({ redisUrl: service.redisUrl, prefix: TEST_PREFIX }, () => {});
  await queue.waitUntilReady();
  const deps = {
    db: service.deps.write.db,
    queue,
    health: { look: system.lookAtRedis },
    metrics: system.metrics,
    log: log as Logger,
    horizonMs: http.queue.horizonMs,
  };
  const handedOver = async () => {
    const { values } = await system.metrics.handedOver.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  };
  return { turn: () => relayOnce(deps), handedOver, waiting: () => http.queue.waiting(0, 10) };
}

test('a timer is handed over once, and again when its lease has run out', async () => {
  const service = await start('api');
  const relay = await relayOf(service);
  const { id, respondBy } = await seedDispute(service, 'cancellation');
  await relay.turn();
  await relay.turn();
  expect(await relay.handedOver()).toBe(1);
  expect(await relay.waiting()).toEqual([{ disputeId: id, seq: 1, dueAt: expect.closeTo(Date.parse(respondBy), -1) }]);
  await service.database.query("UPDATE timers SET leased_until = clock_timestamp() - interval '1 second'");
  await relay.turn();
  expect(await relay.handedOver()).toBe(2);
  expect(await relay.waiting()).toHaveLength(1);
});

test('a timer beyond the horizon waits until the horizon reaches it', async () => {
  const service = await start('api', { TIMER_HORIZON: 'PT1H' });
  const relay = await relayOf(service);
  const { id } = await seedDispute(service, 'cancellation');
  await relay.turn();
  expect(await relay.waiting()).toEqual([]);
  const [row] = await service.database.query<{ hours: number }>(
    'SELECT round(extract(epoch from due_at - leased_until) / 3600)::integer AS hours FROM timers WHERE dispute_id = $1',
    [id],
  );
  expect(row?.hours).toBe(1);
});

test('an early job is put back to wait for what the database says is left', async () => {
  const service = await start('all');
  const { queue: jobs } = service.deps.app.http;
  const { id, respondBy } = await seedDispute(service, 'cancellation');
  await waitFor('its job is there', async () => (await jobs.waiting(0, 10)).length === 1);
  await jobs.remove([{ disputeId: id, seq: 1, dueAt: null }]);
  await jobs.add([{ disputeId: id, seq: 1, dueAt: Date.now() }], Date.now());
  await waitFor('it was early', async () => {
    const { values } = await service.deps.app.system.metrics.jobs.get();
    return values.some(({ labels, value }) => labels.outcome === 'early' && value === 1);
  });
  const [job] = await waitFor('it waits again', async () => {
    const found = await jobs.waiting(0, 10);
    return found.length === 1 && found;
  });
  expect(Math.abs((job?.dueAt ?? 0) - Date.parse(respondBy))).toBeLessThan(1_000);
  const rows = await service.database.query("SELECT 1 FROM disputes WHERE status = 'open'");
  expect(rows).toHaveLength(1);
});

test('a stale job ends quietly, and does not stand in the way of its like', async () => {
  const service = await start('all');
  const { queue: jobs } = service.deps.app.http;
  const { id } = await seedDispute(service, 'cancellation');
  await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
  await waitFor('its timer is gone', async () => (await service.database.query('SELECT 1 FROM timers')).length === 0);
  await jobs.add([{ disputeId: id, seq: 1, dueAt: Date.now() }], Date.now());
  await waitFor('it has run', async () => {
    const { values } = await service.deps.app.system.metrics.jobs.get();
    return values.some(({ labels, value }) => labels.outcome === 'nothing_to_do' && value === 1);
  });
  // A job that stayed when it was done would make Redis ignore one with the same id.
  const again = { disputeId: id, seq: 1, dueAt: Date.now() + 3_600_000 };
  await waitFor('the like of it waits', async () => {
    await jobs.add([again], Date.now());
    return (await jobs.waiting(0, 10)).length === 1;
  });
});
