import pg from 'pg';
import { expect, test } from 'vitest';
import { removeOldTestClocks } from '../../../src/application/test-clocks/remove.ts';
import { forgetMessages } from '../../../src/webhooks/store/events.ts';
import { CLIENT, FREELANCER, seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { advance, makeClock, orderOnClock, SANDBOX, type TestClock, tester } from '../../harness/test-clocks.ts';
import type { EventPage } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { LOCAL, subscribe } from '../../webhooks/endpoints.ts';
import { startReceiver } from '../../webhooks/receiver.ts';

/** A service with a clock on which two disputes have expired, whose events have all been sent where there is a worker. */
async function sceneOf(role: 'api' | 'all' = 'all') {
  const service = await startService({ role, env: { ...SANDBOX, ...LOCAL } });
  if (role === 'all') await subscribe(service, await startReceiver());
  const clock = await makeClock(service, '2021-03-01T12:00:00.000Z');
  for (const type of ['cancellation', 'order_update'] as const) {
    const { id: orderId } = await orderOnClock(service, clock);
    const { id } = await seedDispute(service, type, { orderId });
    await service.as(FREELANCER).post(`/v1/disputes/${id}/comments`, { comment: 'Wait.' }, { 'idempotency-key': id });
  }
  await advance(service, clock, 'P4D');
  return { service, clock };
}

const feed = async (service: Service, after: number) =>
  (await service.withScopes('events:read').get<EventPage>(`/v1/events?after=${after}`)).body;

/** The tables that have rows, but for those of a service in which nothing has happened. */
async function tablesOf({ database }: Service): Promise<string[]> {
  const tables = await database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  );
  const counted = tables.map(async ({ name }) =>
    (await database.query(`SELECT FROM ${name} LIMIT 1`)).length > 0 ? [name] : [],
  );
  const ours = ['schema_migrations', 'deployment', 'statistics_position', 'webhook_endpoints', 'workers'];
  return (await Promise.all(counted)).flat().filter((name) => !ours.includes(name));
}

test('a deleted clock leaves no trace, and the log goes on behind its events', async () => {
  const { service, clock } = await sceneOf();
  const { nextAfter } = await feed(service, 0);
  expect(nextAfter).toBeGreaterThan(0);
  const deleted = await tester(service).delete(`/v1/test-clocks/${clock.id}`);
  expect(deleted).toMatchObject({ status: 200, body: { id: clock.id, deleted: true } });
  expect(await tablesOf(service)).toEqual([]);
  await expect(feed(service, 0)).resolves.toEqual({ data: [], nextAfter });
  const { orderId } = await seedDispute(service, 'cancellation');
  await expect(feed(service, nextAfter)).resolves.toMatchObject({
    data: [{ orderId, seq: nextAfter + 1 }, { orderId }],
  });
});

test('a clock that is being deleted and its orders are not there any more', async () => {
  const { service, clock } = await sceneOf('api');
  const { body } = await service.as(CLIENT).get<{ data: { orderId: string; id: string }[] }>('/v1/disputes');
  const [one] = body.data;
  await service.database.query(`UPDATE test_clocks SET status = 'deleting'`);
  expect((await tester(service).get(`/v1/test-clocks/${clock.id}`)).code).toBe('not_found');
  expect((await service.as(CLIENT).get(`/v1/orders/${one?.orderId}`)).code).toBe('not_found');
  expect((await service.as(CLIENT).get(`/v1/disputes/${one?.id}`)).code).toBe('not_found');
  expect((await service.as(CLIENT).get('/v1/disputes')).body).toMatchObject({ data: [] });
  const opened = await service.as(CLIENT).post(`/v1/orders/${one?.orderId}/disputes`, { type: 'order_update' });
  expect(opened.code).toBe('not_found');
});

test('a clock is deleted while commands have its orders locked, and they find it gone', async () => {
  const { service, clock } = await sceneOf('api');
  const { id: orderId } = await orderOnClock(service, clock);
  const { id } = await seedDispute(service, 'cancellation', { orderId });
  const other = new pg.Client({ connectionString: service.database.url });
  await other.connect();
  await other.query(`BEGIN; SELECT FROM orders WHERE id = '${orderId}' FOR UPDATE`);
  const deleting = tester(service).delete(`/v1/test-clocks/${clock.id}`);
  try {
    await waitFor('the other orders are deleted', async () => {
      const [row] = await service.database.query<{ left: number }>('SELECT count(*)::integer AS left FROM orders');
      return row?.left === 1;
    });
    // A command locks the clock next. A step of the deletion holds the clock, too, but waits for no order.
    await other.query(
      `SET LOCAL deadlock_timeout = '100ms'; SELECT FROM test_clocks WHERE id = '${clock.id}' FOR SHARE`,
    );
    const accepted = service.as(FREELANCER).post(`/v1/disputes/${id}/accept`);
    await other.query('COMMIT');
    expect((await accepted).code).toBe('not_found');
  } finally {
    await other.end();
  }
  expect(await deleting).toMatchObject({ status: 200, body: { deleted: true } });
  expect(await tablesOf(service)).toEqual([]);
});

test('housekeeping deletes a clock after thirty days of real time, and goes on with a deletion that was begun', async () => {
  const { service, clock } = await sceneOf('api');
  const kept = await makeClock(service);
  const age = (days: number) => `UPDATE test_clocks SET created_at = now() - interval '${days} days' WHERE id = $1`;
  const removal = { db: service.deps.write.db, forgetEvents: forgetMessages };
  const left = async () =>
    (await tester(service).get<{ data: TestClock[] }>('/v1/test-clocks')).body.data.map(({ id }) => id);
  await service.database.query(age(29), [clock.id]);
  expect(await removeOldTestClocks(removal)).toBe('done');
  expect(await left()).toEqual([clock.id, kept.id]);
  await service.database.query(age(31), [clock.id]);
  await waitFor('nothing is left to delete', async () => (await removeOldTestClocks(removal)) === 'done');
  expect(await left()).toEqual([kept.id]);
  expect(await tablesOf(service)).toEqual(['test_clocks']);
});

const LIMIT = 4;

/** How many rows of some tables there are. */
async function sizesOf({ database }: Service): Promise<{ orders: number; entries: number }> {
  const [sizes] = await database.query<{ orders: number; entries: number }>(
    `SELECT (SELECT count(*)::integer FROM orders WHERE test_clock_id IS NOT NULL) AS orders,
       (SELECT count(*)::integer FROM log_entries) AS entries`,
  );
  return sizes ?? { orders: Number.NaN, entries: Number.NaN };
}

test.each([LIMIT, LIMIT + 1, 2 * LIMIT + 1])(
  'an old clock with %i orders is deleted in steps of at most 4 orders and 4 entries of the log',
  async (count) => {
    const service = await startService({ env: SANDBOX });
    const clock = await makeClock(service);
    for (let n = 0; n < count; n += 1) {
      const { id: orderId } = await orderOnClock(service, clock);
      await seedDispute(service, 'cancellation', { orderId });
    }
    await service.database.query(`UPDATE test_clocks SET created_at = now() - interval '31 days'`);
    const step = { entries: LIMIT, orders: LIMIT };
    const removal = { db: service.deps.write.db, forgetEvents: forgetMessages, step };
    let before = await sizesOf(service);
    expect(before).toEqual({ orders: count, entries: 2 * count });
    while ((await removeOldTestClocks(removal)) === 'more') {
      const after = await sizesOf(service);
      expect(before.orders - after.orders).toBeLessThanOrEqual(LIMIT);
      expect(before.entries - after.entries).toBeLessThanOrEqual(LIMIT);
      before = after;
    }
    expect(await tablesOf(service)).toEqual([]);
  },
);

test.each([10, 11, 21])('of %i clocks that are too old each is deleted, ten hidden at once', async (count) => {
  const service = await startService({ env: SANDBOX });
  for (let n = 0; n < count; n += 1) await makeClock(service);
  await service.database.query(`UPDATE test_clocks SET created_at = now() - interval '31 days'`);
  const removal = { db: service.deps.write.db, forgetEvents: forgetMessages };
  const shown = async () => (await service.database.query(`SELECT FROM test_clocks WHERE status <> 'deleting'`)).length;
  let before = await shown();
  while ((await removeOldTestClocks(removal)) === 'more') {
    const after = await shown();
    expect(before - after).toBeLessThanOrEqual(10);
    before = after;
  }
  expect(await tablesOf(service)).toEqual([]);
});
