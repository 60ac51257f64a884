import { beforeAll, describe, expect, test } from '@jest/globals';
import { anOrderReport, newOrderId, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Order } from '../harness/types.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

describe('a report of an order', () => {
  test('makes the order the first time, and changes nothing the second time', async () => {
    const orderService = service.withScopes('orders:write');
    const path = `/v1/orders/${newOrderId()}`;
    const first = await orderService.put<Order>(path, anOrderReport());
    expect(first.status).toBe(201);
    expect(first.headers['location']).toBe(path);
    const again = await orderService.put<Order>(path, anOrderReport());
    expect(again.status).toBe(200);
    expect({ ...again.body, serverTime: '' }).toEqual({ ...first.body, serverTime: '' });
  });
  test('a stranger', async () => {
    const { id } = await seedOrder(service);
    expect(await service.as('user-1').get(`/v1/orders/${id}`)).toMatchObject({ status: 404, code: 'not_found' });
  });
});
