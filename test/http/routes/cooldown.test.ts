import { expect, test } from 'vitest';
import { CLIENT, FREELANCER, REQUESTS, seedDispute } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';

test('after a decline the same request is blocked in the resolution center, with the instant from which on it is possible', async () => {
  const service = await startService({ env: { COOLDOWN_AFTER_DECLINE: 'PT36H' } });
  const { id, orderId } = await seedDispute(service, 'cancellation');
  const declined = await service.as(FREELANCER).post<{ resolvedAt: string }>(`/v1/disputes/${id}/decline`, {});
  const availableAt = new Date(Date.parse(declined.body.resolvedAt) + 36 * 3_600_000).toISOString();
  const center = await service.as(CLIENT).get<{ open: { type: string }[] }>(`/v1/orders/${orderId}/resolution-center`);
  const offered = center.body.open.find(({ type }) => type === 'cancellation');
  expect(offered).toMatchObject({ allowed: false, blocked: { code: 'cooldown_active', availableAt } });
  const refused = await service.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, REQUESTS.cancellation);
  expect(refused.status).toBe(409);
  expect(refused.problem).toMatchObject({ code: 'cooldown_active', availableAt });
});
