import { expect, test } from 'vitest';
import { openStream } from '../../harness/api/event-stream.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import { behind, types } from './streams.ts';

const OPENED = ['dispute.opened', 'order.status_changed'];

test('both streams tell when a hold that covers an order begins and ends, and one that comes back while it lasts', async () => {
  const service = await startService({ env: { REMINDERS: 'none' } });
  const url = await service.listen();
  const ops = service.withScopes('ops');
  const begin = async (scope: object) =>
    (await ops.post<{ id: string }>('/v1/ops/holds', { note: 'Down.', ...scope })).body.id;
  const { id: orderId } = await seedOrder(service);
  const { id: elsewhere } = await seedOrder(service, { clientId: 'stranger', freelancerId: 'other' });
  const order = await openStream(url, orderId, { sub: CLIENT });
  const user = await openStream(url, null, { sub: FREELANCER });
  const stranger = await openStream(url, null, { sub: 'stranger' });
  const position = (await order.part())?.id;
  await Promise.all([user.part(), stranger.part()]);

  const held = await begin({ orderIds: [orderId] });
  expect(await order.next()).toEqual({ event: 'refresh', data: { reason: 'hold' } });
  expect(await types(user, 1)).toEqual(['refresh']);
  await seedDispute(service, 'cancellation', { orderId: elsewhere, opener: 'stranger' });
  expect(await types(stranger, 2)).toEqual(OPENED);

  await seedDispute(service, 'cancellation', { orderId });
  expect(await types(order, 2)).toEqual(OPENED);
  const resumed = await openStream(url, orderId, { sub: CLIENT, ...behind(position) });
  expect(await types(resumed, 4)).toEqual(['ready', ...OPENED, 'refresh']);

  await ops.delete(`/v1/ops/holds/${held}`);
  for (const stream of [order, resumed]) {
    expect(new Set(await types(stream, 2))).toEqual(new Set(['dispute.deadline_shifted', 'refresh']));
  }
  await begin({});
  expect(await types(stranger, 1)).toEqual(['refresh']);
  for (const stream of [order, user, stranger, resumed]) stream.hangUp();
});
