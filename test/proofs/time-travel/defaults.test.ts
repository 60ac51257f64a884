import type { Logger } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { sweepOnce } from '../../../src/workers/sweeper.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, Order } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { canTravel, startTravellingDatabase, type TravellingDatabase } from './clock.ts';

const HOUR_S = 3_600;
// A skipped test says why: without libfaketime (Debian: apt-get install faketime) no clock can be moved.
const travelling = canTravel ? describe : describe.skip;

travelling('with the clock of PostgreSQL moved (needs faketime), with default configuration,', () => {
  let database: TravellingDatabase;
  let service: Service;
  let travelled = 0;

  beforeAll(async () => {
    database = await startTravellingDatabase();
    service = await startService({ role: 'all', databaseUrl: database.url });
  });

  const travel = async (seconds: number) => {
    travelled += seconds;
    await database.travelTo(travelled);
  };
  const resolutionOf = async (id: string) =>
    (await database.query<{ resolution: string | null }>('SELECT resolution FROM disputes WHERE id = $1', [id]))[0]
      ?.resolution;
  const settled = (id: string) => waitFor('it is settled', async () => (await resolutionOf(id)) !== null);
  /** What a sweep does at this moment, beside those of the workers. */
  const sweep = () => {
    const { system, log } = service.deps.app;
    return sweepOnce({ write: service.deps.write, metrics: system.metrics, log: log as Logger });
  };

  test.each([
    ['order_update', 48, { resolution: 'expired' }, 'in_progress'],
    ['cancellation', 48, { resolution: 'expired' }, 'mutually_cancelled'],
    ['order_change', 96, { resolution: 'expired' }, 'in_progress'],
  ] as const)('%s is open for %i hours, and then silence takes effect', async (type, hours, end, status) => {
    const { id, orderId, openedAt, respondBy } = await seedDispute(service, type);
    expect((Date.parse(respondBy) - Date.parse(openedAt)) / 1_000).toBe(hours * HOUR_S);
    await travel(hours * HOUR_S - 30);
    await sweep();
    expect((await service.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`)).body.status).toBe('open');
    await travel(31);
    await settled(id);
    expect((await service.as(FREELANCER).get<Dispute>(`/v1/disputes/${id}`)).body).toMatchObject(end);
    expect((await service.as(FREELANCER).get<Order>(`/v1/orders/${orderId}`)).body.status).toBe(status);
    const [row] = await database.query<{ late: number }>(
      'SELECT extract(epoch from resolved_at - respond_by)::float8 AS late FROM disputes WHERE id = $1',
      [id],
    );
    expect(row?.late).toBeGreaterThanOrEqual(0);
  });

  test('reminders come 24 and 2 hours before, once each', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const reminders = () =>
      database.query<{ at: number }>(
        `SELECT round(extract(epoch from d.respond_by - l.occurred_at) / 3600)::float8 AS at FROM log_entries l
         JOIN disputes d ON d.id = l.dispute_id WHERE l.dispute_id = $1 AND l.type = 'dispute.reminder_due' ORDER BY l.order_version`,
        [id],
      );
    await travel(24 * HOUR_S + 1);
    await waitFor('the first comes', async () => (await reminders()).length === 1);
    await travel(22 * HOUR_S);
    await waitFor('the second comes', async () => (await reminders()).length === 2);
    await sweep();
    expect((await reminders()).map(({ at }) => at)).toEqual([24, 2]);
    await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
  });

  test('a hold of a day moves the deadline by a day', async () => {
    const { id, respondBy } = await seedDispute(service, 'cancellation');
    const ops = service.withScopes('ops');
    const hold = (await ops.post<{ id: string }>('/v1/ops/holds', { note: 'Mail is down.' })).body;
    await travel(60 * HOUR_S);
    await sweep();
    expect(await resolutionOf(id)).toBeNull();
    const released = await ops.delete<{ hold: { heldSeconds: number } }>(`/v1/ops/holds/${hold.id}`);
    const moved = (await service.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`)).body;
    const shiftS = (Date.parse(moved.respondBy) - Date.parse(respondBy)) / 1_000;
    expect(moved.status).toBe('open');
    expect(Math.abs(shiftS - released.body.hold.heldSeconds)).toBeLessThan(0.01);
    await travel(48 * HOUR_S);
    await settled(id);
    expect(await resolutionOf(id)).toBe('expired');
  });

  test('a clock that is set back fires nothing twice, and time in a log never runs backwards', async () => {
    const order = await seedOrder(service);
    const { id } = await seedDispute(service, 'order_update', { orderId: order.id });
    await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Before.' });
    await travel(-HOUR_S);
    await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'After.' });
    await service.as(FREELANCER).post(`/v1/disputes/${id}/provide-update`, { comment: 'Soon.' });
    const rows = await database.query<{ at: Date }>(
      'SELECT occurred_at AS at FROM log_entries WHERE order_id = $1 ORDER BY order_version',
      [order.id],
    );
    const times = rows.map(({ at }) => at.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    await travel(100 * HOUR_S);
    await sweep();
    const ends = await database.query(
      `SELECT dispute_id FROM log_entries WHERE type IN ('dispute.expired', 'dispute.answered', 'dispute.declined')
       GROUP BY dispute_id HAVING count(*) > 1`,
    );
    expect(ends).toEqual([]);
  });
});
