import { beforeAll, describe, expect, test } from 'vitest';
import { anOrderReport, newOrderId, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, Order, Timeline } from '../../harness/types.ts';

/** Ids as identity providers issue them, and the corners of the rule. */
const IDS = [
  'auth0|5f7c8ec7c33c6c004bbafe82',
  'google-oauth2|115015401343387192604',
  'ana+shop@example.org',
  'samlp|okta|ana@example.org',
  '00u1a2b3c4D5E6F7g8h9',
  'urn:user/7?role=a&b=c#d',
  '../100%25',
  '=HYPERLINK("x","y")',
  `'; DROP TABLE orders; --`.replaceAll(' ', ''),
  '!~'.repeat(64),
] as const;
const OTHER = 'auth0|the-other-party';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

describe.each(IDS)('the user %s', (id) => {
  test('settles a dispute, and stands in every answer as the identity provider has it', async () => {
    const order = await seedOrder(service, { clientId: id, freelancerId: OTHER });
    expect([order.clientId, order.freelancerId]).toEqual([id, OTHER]);
    const opened = await seedDispute(service, 'cancellation', { orderId: order.id, opener: id });
    expect(opened.opener).toEqual({ role: 'client', id });
    const key = { 'idempotency-key': `once-${order.id}` };
    const accept = () => service.as(OTHER).post<Dispute>(`/v1/disputes/${opened.id}/accept`, {}, key);
    expect((await accept()).body.resolvedBy).toEqual({ role: 'freelancer', id: OTHER });
    expect((await accept()).headers['idempotency-replayed']).toBe('true');
    const { body: timeline } = await service.as(OTHER).get<Timeline>(`/v1/disputes/${opened.id}/timeline`);
    expect(timeline.data[0]?.actor).toEqual({ role: 'client', id });
  });

  test('is found by partyId, percent-encoded in the address', async () => {
    const { id: orderId } = await seedOrder(service, { clientId: OTHER, freelancerId: id });
    const dispute = await seedDispute(service, 'order_update', { orderId, opener: OTHER });
    const query = new URLSearchParams({ partyId: id, orderId });
    const listed = await service.withScopes('disputes:read').get<{ data: Dispute[] }>(`/v1/disputes?${query}`);
    expect(listed.body.data.map((one) => one.id)).toEqual([dispute.id]);
    const encoded = `partyId=${encodeURIComponent(id)}&orderId=${orderId}`;
    expect(
      (await service.withScopes('disputes:read').get<{ data: Dispute[] }>(`/v1/disputes?${encoded}`)).body.data,
    ).toHaveLength(1);
    const own = await service.as(id).get<{ data: Dispute[] }>(`/v1/disputes?orderId=${orderId}`);
    expect(own.body.data.map((one) => one.id)).toEqual([dispute.id]);
  });

  test('can have its comments erased', async () => {
    const { id: orderId } = await seedOrder(service, { clientId: id, freelancerId: OTHER });
    const dispute = await seedDispute(service, 'cancellation', { orderId, opener: id });
    await service.as(id).post(`/v1/disputes/${dispute.id}/withdraw`);
    const erased = await service.withScopes('ops').post<{ userId: string }>('/v1/ops/erasures', { userId: id });
    expect(erased.body).toMatchObject({ userId: id, waiting: 0 });
    const { body } = await service.as(OTHER).get<Dispute>(`/v1/disputes/${dispute.id}`);
    expect(body.comment).toBeNull();
    const logged = service.log
      .lines()
      .filter((line) => line['msg'] === 'comments were erased' && line['userId'] === id);
    expect(logged).not.toEqual([]);
  });
});

test('ids are compared as they stand: another case, or the same id in its encoded form, is another user', async () => {
  const { id: orderId } = await seedOrder(service, { clientId: 'auth0|Ana', freelancerId: OTHER });
  expect((await service.as('auth0|Ana').get<Order>(`/v1/orders/${orderId}`)).status).toBe(200);
  for (const other of ['auth0|ana', 'auth0%7CAna', 'AUTH0|Ana']) {
    expect((await service.as(other).get(`/v1/orders/${orderId}`)).status).toBe(404);
  }
});

test.each([
  ['nothing', ''],
  ['a space within', 'ana example'],
  ['a space at the end', 'ana '],
  ['a line break at the end', 'ana\n'],
  ['a tab', 'ana\texample'],
  ['a control character', 'ana\u0000'],
  ['a letter beyond ASCII', 'añá@example.org'],
  ['129 characters', 'x'.repeat(129)],
])('an id with %s is refused wherever it occurs', async (_what, bad) => {
  for (const role of ['clientId', 'freelancerId'] as const) {
    const report = anOrderReport({ [role]: bad });
    const refused = await service.withScopes('orders:write').put(`/v1/orders/${newOrderId()}`, report);
    expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
    expect(refused.problem.errors?.map(({ pointer }) => pointer)).toEqual([`/${role}`]);
  }
  expect((await service.withScopes('ops').post('/v1/ops/erasures', { userId: bad })).status).toBe(400);
  const listed = await service.withScopes('disputes:read').get(`/v1/disputes?partyId=${encodeURIComponent(bad)}`);
  expect(listed.status).toBe(400);
});
