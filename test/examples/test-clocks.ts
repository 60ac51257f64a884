import pg from 'pg';
import { CLIENT } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { LOCAL } from '../webhooks/endpoints.ts';
import { NEW_ORDER } from './parties.ts';
import type { Stage } from './stage.ts';

interface Clock {
  readonly id: string;
}

/** Time that passes for one order, in a sandbox of its own, and what is refused about clocks. */
export async function tryTestClocks({ recorder: { succeed, refuse } }: Stage): Promise<void> {
  const sandbox = await startService({ env: { ...LOCAL, MODE: 'sandbox' } });
  const [tester, orderService] = [sandbox.withScopes('test:clocks'), sandbox.withScopes('orders:write')];
  const made = await succeed<Clock>('createTestClock', tester, { body: { name: 'Silence cancels the order' } }, [
    'now',
    'A clock that begins now',
  ]);
  const path = { id: made.id };
  const order = { path: { orderId: 'order-1008' }, body: { ...NEW_ORDER, testClockId: made.id } };
  await succeed('reportOrder', orderService, order, ['on_test_clock', 'A new order on a test clock']);
  const body = { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' };
  await sandbox.as(CLIENT).post('/v1/orders/order-1008/disputes', body);
  const blocker = new pg.Client({ connectionString: sandbox.database.url });
  await blocker.connect();
  await blocker.query(`BEGIN; SELECT FROM orders WHERE id = 'order-1008' FOR UPDATE`);
  const twoDays = { by: 'PT48H' };
  try {
    await succeed('advanceTestClock', tester, { path, query: '?wait=0', body: twoDays }, [
      'advancing',
      'A clock that is still on its way',
    ]);
    await refuse('clock_busy', 'advanceTestClock', tester, { path, body: twoDays });
  } finally {
    await blocker.end();
  }
  await waitFor('the clock has arrived', async () => {
    return (await tester.get<{ status: string }>(`/v1/test-clocks/${made.id}`)).body.status === 'ready';
  });
  await succeed('getTestClock', tester, { path }, ['ready', 'A clock, and what two days of silence did']);
  await succeed('advanceTestClock', tester, { path, body: { by: 'PT1H' } }, [
    'arrived',
    'An hour in which nothing was due',
  ]);
  const other = await tester.post<Clock>('/v1/test-clocks');
  await refuse('order_has_disputes', 'reportOrder', orderService, {
    ...order,
    body: { ...NEW_ORDER, status: 'cancelled', revision: 2, testClockId: other.body.id },
  });
  await succeed('listTestClocks', tester, {}, ['two', 'Two clocks']);
  await sandbox.database.query(
    `INSERT INTO test_clocks (id, now, status, created_by, created_at)
     SELECT gen_random_uuid(), now(), 'ready', 'full', now() FROM generate_series(1, 98)`,
  );
  await refuse('clock_limit_reached', 'createTestClock', tester, { body: {} });
  await succeed('deleteTestClock', tester, { path }, ['deleted', 'A clock that is gone']);
  await sandbox.close();
}
