import type { Answer } from './api/answer.ts';
import type { Clients } from './client.ts';
import { CANARY } from './run/canary.ts';
import type { Dispute, OpenDisputeRequest, Order, OrderReport } from './types.ts';
import { waitFor } from './wait-for.ts';

/** The parties of every order that the harness reports, unless a test says otherwise. */
export const CLIENT = 'user-7';
export const FREELANCER = 'user-9';

let count = 0;

/** An order id that no other order of this test file has. */
export function newOrderId(): string {
  count += 1;
  return `order-${count}`;
}

/** A first report of an order in progress. */
export function anOrderReport(over: Partial<OrderReport> = {}): OrderReport {
  return {
    clientId: CLIENT,
    freelancerId: FREELANCER,
    status: 'in_progress',
    deliverBy: '2031-12-01T17:00:00.000Z',
    price: { amount: 15_000, currency: 'USD' },
    revision: 1,
    title: 'Logo design',
    ...over,
  };
}

const RETRY_MS = 500;

/** Sends again after each 503, as callers are told to: on a busy machine a request may have waited for too long. */
async function untilServed<T>(send: () => Promise<Answer<T>>): Promise<T> {
  const served = async () => {
    const answer = await send();
    return answer.status !== 503 && answer;
  };
  return (await waitFor('the service has time for a request', served, undefined, RETRY_MS)).body;
}

/** Has the order service report an order. */
export async function seedOrder(
  service: Clients,
  over: Partial<OrderReport> = {},
  orderId: string = newOrderId(),
): Promise<Order> {
  const report = anOrderReport(over);
  return await untilServed(() => service.withScopes('orders:write').put<Order>(`/v1/orders/${orderId}`, report));
}

/** Has an order change accepted on a new order, which makes five events, and gives the order's id. */
export async function seedAcceptedChange(service: Clients): Promise<string> {
  const { id, orderId } = await seedDispute(service, 'order_change');
  await untilServed(() => service.as(CLIENT).post(`/v1/disputes/${id}/accept`));
  return orderId;
}

/** The least that each kind of request has to say. */
export const REQUESTS = {
  order_update: { type: 'order_update' },
  cancellation: { type: 'cancellation', reason: 'late_delivery', comment: `Two weeks late. ${CANARY}` },
  order_change: {
    type: 'order_change',
    change: { extras: [{ title: 'Source files', price: { amount: 1_500, currency: 'USD' } }] },
  },
} as const satisfies Record<string, OpenDisputeRequest>;

/** Has a party open a dispute on an order: the freelancer an order change, the client anything else, unless told. */
export async function seedDispute(
  service: Clients,
  type: keyof typeof REQUESTS,
  { orderId, opener }: { orderId?: string; opener?: string } = {},
): Promise<Dispute> {
  const order = orderId ?? (await seedOrder(service)).id;
  const sub = opener ?? (type === 'order_change' ? FREELANCER : CLIENT);
  const reason = type === 'cancellation' && sub === FREELANCER ? { reason: 'unable_to_complete' } : {};
  const body = { ...REQUESTS[type], ...reason };
  return await untilServed(() => service.as(sub).post<Dispute>(`/v1/orders/${order}/disputes`, body));
}
