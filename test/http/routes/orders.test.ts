import { beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../harness/client.ts';
import { anOrderReport, CLIENT, FREELANCER, newOrderId, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Order } from '../../harness/types.ts';

let service: Service;
let orderService: Client;

beforeAll(async () => {
  service = await startService();
  orderService = service.withScopes('orders:write');
});

const facts = ({ serverTime: _, ...order }: Order) => order;

describe('a report of an order', () => {
  test('makes the order the first time', async () => {
    const id = newOrderId();
    const first = await orderService.put<Order>(`/v1/orders/${id}`, anOrderReport());
    expect(first.status).toBe(201);
    expect(first.headers['location']).toBe(`/v1/orders/${id}`);
    expect(first.body).toMatchObject({
      ...anOrderReport(),
      id,
      previousStatus: null,
      extras: [],
      openDispute: null,
      cancellation: null,
    });
  });

  test('changes the order with a greater revision', async () => {
    const order = await seedOrder(service);
    const news = anOrderReport({ revision: 7, status: 'delivered', deliverBy: null });
    const answer = await orderService.put<Order>(`/v1/orders/${order.id}`, news);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ status: 'delivered', deliverBy: null, revision: 7 });
    expect(answer.body.createdAt).toBe(order.createdAt);
  });

  test('changes nothing when it comes again', async () => {
    const order = await seedOrder(service);
    const again = await orderService.put<Order>(`/v1/orders/${order.id}`, anOrderReport());
    expect(again.status).toBe(200);
    expect(facts(again.body)).toEqual(facts(order));
  });

  test('loses its title when a later one has none', async () => {
    const { id } = await seedOrder(service);
    const { title: _, ...untitled } = anOrderReport({ revision: 2 });
    expect((await orderService.put<Order>(`/v1/orders/${id}`, untitled)).body.title).toBeNull();
  });

  test.each([
    ['an older revision', { revision: 2, status: 'delivered' }],
    ['the same revision with something else in it', { revision: 3, status: 'delivered' }],
  ] as const)('is refused as stale for %s', async (_what, over) => {
    const order = await seedOrder(service, { revision: 3 });
    const refused = await orderService.put(`/v1/orders/${order.id}`, anOrderReport(over));
    expect(refused).toMatchObject({ status: 409, code: 'stale_revision' });
    expect(refused.problem.revision).toBe(3);
    expect(facts((await service.as(CLIENT).get<Order>(`/v1/orders/${order.id}`)).body)).toEqual(facts(order));
  });

  test.each([{ clientId: 'user-8' }, { freelancerId: 'user-8' }])('never changes the parties: %j', async (over) => {
    const { id } = await seedOrder(service);
    const refused = await orderService.put(`/v1/orders/${id}`, anOrderReport({ revision: 2, ...over }));
    expect(refused).toMatchObject({ status: 409, code: 'parties_immutable' });
  });

  test('does not reopen an order that its parties cancelled, but may close it', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    expect((await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`)).status).toBe(200);
    const reopening = await orderService.put(`/v1/orders/${orderId}`, anOrderReport({ revision: 2 }));
    expect(reopening).toMatchObject({ status: 409, code: 'order_closed' });
    const closing = anOrderReport({ revision: 2, status: 'cancelled' });
    const closed = await orderService.put<Order>(`/v1/orders/${orderId}`, closing);
    expect(closed.body).toMatchObject({ status: 'mutually_cancelled', revision: 2, cancellation: { disputeId: id } });
  });

  test('that two send at the same moment makes one order', async () => {
    const path = `/v1/orders/${newOrderId()}`;
    const answers = await Promise.all([1, 2, 3].map(() => orderService.put<Order>(path, anOrderReport())));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
  });
});

describe('an order', () => {
  test('is seen by both parties and by a service that may read', async () => {
    const order = await seedOrder(service);
    for (const reader of [service.as(CLIENT), service.as(FREELANCER), service.withScopes('disputes:read')]) {
      expect(facts((await reader.get<Order>(`/v1/orders/${order.id}`)).body)).toEqual(facts(order));
    }
  });

  test('does not exist for a stranger: the answer is the one for an order that was never reported', async () => {
    const { id } = await seedOrder(service);
    const words = async (orderId: string) => {
      const { problem, status } = await service.as('user-1').get(`/v1/orders/${orderId}`);
      return { status, code: problem.code, title: problem.title, detail: problem.detail };
    };
    expect(await words(id)).toEqual(await words('order-that-was-never-reported'));
    expect((await words(id)).status).toBe(404);
  });

  test('answers HEAD like GET, without a body', async () => {
    const { id } = await seedOrder(service);
    const answer = await service.as(CLIENT).send('HEAD', `/v1/orders/${id}`, {});
    expect(answer).toMatchObject({ status: 200, text: '' });
  });
});

describe('a token is not enough for what it is not for', () => {
  test('a user cannot report', async () => {
    const refused = await service.as(CLIENT).put(`/v1/orders/${newOrderId()}`, anOrderReport());
    expect(refused).toMatchObject({ status: 403, code: 'forbidden' });
    expect(refused.problem.detail).toContain('orders:write');
  });

  test('a service cannot report without orders:write, nor read without disputes:read', async () => {
    const { id } = await seedOrder(service);
    const reported = await service.withScopes('disputes:read').put(`/v1/orders/${id}`, anOrderReport());
    expect(reported).toMatchObject({ status: 403, code: 'forbidden' });
    expect(await orderService.get(`/v1/orders/${id}`)).toMatchObject({ status: 403, code: 'forbidden' });
  });
});
