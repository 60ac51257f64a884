import { randomUUID } from 'node:crypto';
import type { NewOrder } from './orders.ts';

const TEN_DAYS_MS = 10 * 24 * 60 * 60 * 1_000;

/** @returns an order between `user-7` and `user-9`, with an id of its own */
export function sampleOrder(): NewOrder {
  return {
    id: `example-${randomUUID().slice(0, 8)}`,
    clientId: 'user-7',
    freelancerId: 'user-9',
    title: 'Logo design',
    price: { amount: 15_000, currency: 'USD' },
    deliverBy: new Date(Date.now() + TEN_DAYS_MS).toISOString(),
  };
}
