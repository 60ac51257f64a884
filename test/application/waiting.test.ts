import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { onCleanup } from '../harness/cleanup.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';
import { waitFor } from '../harness/wait-for.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({
    env: { WINDOW_CANCELLATION: 'PT1S', WINDOW_ORDER_UPDATE: 'PT1H', REMINDERS: 'none' },
  });
});

/** Another session that holds the lock of an order until it is released. */
async function holdOrder(orderId: string): Promise<(how: 'COMMIT' | 'ROLLBACK') => Promise<void>> {
  const client = new pg.Client({ connectionString: service.database.url });
  await client.connect();
  onCleanup(() => client.end());
  await client.query('BEGIN');
  await client.query('UPDATE orders SET updated_at = updated_at WHERE id = $1', [orderId]);
  return async (how) => void (await client.query(how));
}

const isWaiting = () =>
  waitFor('a request waits for the lock', async () => {
    const rows = await service.database.query(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  });

const hasPassed = (id: string) =>
  waitFor('the deadline passes', async () => {
    const [row] = await service.database.query<{ due: boolean }>(
      'SELECT respond_by <= clock_timestamp() AS due FROM disputes WHERE id = $1',
      [id],
    );
    return row?.due;
  });

describe('an answer that was sent in time and waited for a lock until it was too late', () => {
  test.each(['COMMIT', 'ROLLBACK'] as const)('is too late, however the holder of the lock ends: %s', async (end) => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const letGo = await holdOrder(orderId);
    const answer = service.as(FREELANCER).post<Dispute>(`/v1/disputes/${id}/accept`);
    await isWaiting();
    await hasPassed(id);
    await letGo(end);
    expect(await answer).toMatchObject({ status: 409, code: 'response_window_closed' });
    expect((await service.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`)).body.resolution).toBe('expired');
  });
});

describe('a lock that is not let go', () => {
  test('is not waited for without end: 503, and the same request can be sent again', async () => {
    const { id, orderId } = await seedDispute(service, 'order_update');
    const letGo = await holdOrder(orderId);
    const send = () =>
      service
        .as(FREELANCER)
        .post<Dispute>(`/v1/disputes/${id}/provide-update`, { comment: 'Soon.' }, { 'idempotency-key': 'again' });
    const refused = await send();
    expect(refused).toMatchObject({ status: 503, code: 'unavailable' });
    expect(refused.headers['retry-after']).toBeDefined();
    await letGo('ROLLBACK');
    expect((await send()).body).toMatchObject({ status: 'resolved', resolution: 'answered' });
  });
});
