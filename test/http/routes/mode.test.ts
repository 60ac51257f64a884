import { expect, test } from 'vitest';
import { seedDispute, seedOrder } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';

test.each([
  ['sandbox', false],
  ['live', true],
] as const)('in a %s, orders, disputes and events say livemode %s', async (mode, livemode) => {
  const service = await startService({ env: { MODE: mode } });
  const { id: orderId } = await seedOrder(service);
  const dispute = await seedDispute(service, 'cancellation', { orderId });
  expect(dispute).toMatchObject({ livemode });
  const reader = service.withScopes('disputes:read', 'events:read');
  expect((await reader.get(`/v1/orders/${orderId}`)).body).toMatchObject({ livemode });
  expect((await reader.get(`/v1/disputes?orderId=${orderId}`)).body).toMatchObject({ data: [{ livemode }] });
  const { body } = await reader.get(`/v1/events?orderId=${orderId}`);
  expect(body).toMatchObject({ data: [{ livemode, order: { livemode }, dispute: { livemode } }, { livemode }] });
});
