import { beforeAll, expect, test } from 'vitest';
import { findDue } from '../../../src/application/due.ts';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { makeClock, orderOnClock, SANDBOX } from '../../harness/test-clocks.ts';
import type { Dispute } from '../../harness/types.ts';

let service: Service;
let onClock: Dispute;
let inRealTime: Dispute;

beforeAll(async () => {
  service = await startService({ env: SANDBOX });
  const clock = await makeClock(service, '2021-03-01T12:00:00.000Z');
  onClock = await seedDispute(service, 'cancellation', { orderId: (await orderOnClock(service, clock)).id });
  inRealTime = await seedDispute(service, 'cancellation');
});

test('nothing that looks for what is due in real time finds a dispute on a test clock', async () => {
  expect(await findDue(service.deps.write.db, 10, null)).toEqual({ overdue: [], toRemind: [] });
  const ops = service.withScopes('ops');
  const pending = await ops.get('/v1/ops/deadlines?state=pending');
  expect(pending.body).toMatchObject({ counts: { pending: 1, overdue: 0 }, data: [{ disputeId: inRealTime.id }] });
  expect((await ops.get('/v1/ops/deadlines?state=overdue')).body).toMatchObject({ data: [] });
});

test('no timer is set for a dispute on a test clock', async () => {
  const timers = await service.database.query<{ dispute_id: string }>('SELECT dispute_id FROM timers');
  expect(timers.map((timer) => timer.dispute_id)).toEqual([inRealTime.id]);
});

test('a poller of changes in real time misses none, whatever the time of test clocks', async () => {
  const ahead = await makeClock(service, '2035-01-01T00:00:00.000Z');
  await seedDispute(service, 'order_update', { orderId: (await orderOnClock(service, ahead)).id });
  const polled = async (query: string) =>
    (await service.as(CLIENT).get<{ data: Dispute[] }>(`/v1/disputes?${query}`)).body.data.map(({ id }) => id);
  expect(await polled('sort=updatedAt')).toEqual([inRealTime.id]);
  expect(await polled('updatedAfter=2021-01-01T00:00:00Z')).toEqual([inRealTime.id]);
  expect(await polled('sort=openedAt')).toContain(onClock.id);
});
