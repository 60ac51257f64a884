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

interface Center {
  readonly open: readonly { readonly type: string }[];
  readonly respond: readonly { readonly action: string }[];
}

test('full orders and disputes are blocked in the resolution center before a request runs into them, with the same code', async () => {
  const service = await startService();
  const client = service.as(CLIENT);
  const center = async (orderId: string) => (await client.get<Center>(`/v1/orders/${orderId}/resolution-center`)).body;
  const { id, orderId } = await seedDispute(service, 'order_update');

  await service.database.query('UPDATE disputes SET comment_count = 200 WHERE id = $1', [id]);
  const comment = (await center(orderId)).respond.find(({ action }) => action === 'add_comment');
  expect(comment).toMatchObject({ allowed: false, blocked: { code: 'comment_limit_reached' } });
  const unsaid = await client.post(`/v1/disputes/${id}/comments`, { comment: 'Well?' });
  expect(unsaid).toMatchObject({ status: 409, code: 'comment_limit_reached' });
  expect((await client.post(`/v1/disputes/${id}/withdraw`)).status).toBe(200);

  const first = Date.now() - 3_600_000;
  await service.database.query('UPDATE orders SET openings = $2::jsonb WHERE id = $1', [
    orderId,
    JSON.stringify(Array.from({ length: 10 }, (_, index) => ({ role: 'client', at: first + index }))),
  ]);
  const blocked = { code: 'dispute_limit_reached', availableAt: new Date(first + 86_400_000).toISOString() };
  for (const option of (await center(orderId)).open) expect(option).toMatchObject({ allowed: false, blocked });
  const refused = await client.post(`/v1/orders/${orderId}/disputes`, REQUESTS.order_update);
  expect([refused.status, refused.problem]).toMatchObject([409, blocked]);

  await service.database.query(`UPDATE orders SET openings = '[]', dispute_count = 500 WHERE id = $1`, [orderId]);
  const [option] = (await center(orderId)).open;
  expect(option).toMatchObject({ allowed: false, blocked: { code: 'dispute_limit_reached' } });
  expect(option).not.toMatchObject({ blocked: { availableAt: expect.anything() } });
});
