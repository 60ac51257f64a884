import type { Dispute, Order } from '../api-types.ts';
import type { Call } from './api.ts';
import type { TokenSource } from './tokens.ts';

export interface ReportedOrder extends Order {
  readonly clientId: string;
  readonly freelancerId: string;
  readonly revision: number;
}

/** What a sample order can begin as: each status that the order service reports, and what disputes make of an order. */
export const SAMPLES = [
  'in_progress',
  'pending_requirements',
  'late',
  'in_revision',
  'delivered',
  'in_dispute',
  'completed',
  'cancelled',
  'mutually_cancelled',
] as const;

export type Sample = (typeof SAMPLES)[number];

/** What the order service may report of an order. */
export const REPORTED = SAMPLES.filter((status) => status !== 'in_dispute' && status !== 'mutually_cancelled');

const DAY_MS = 86_400_000;
const DELIVERED_WITHIN_DAYS = 14;
const LATE_SINCE_DAYS = 2;

/** Kinds of work, with a price in the smallest unit of the currency. */
const WORK = [
  ['Logo design', 15_000],
  ['Landing page', 48_000],
  ['Product video', 92_500],
  ['Translation into Spanish', 7_400],
  ['Podcast intro', 12_000],
] as const;

const REQUEST = {
  type: 'cancellation',
  reason: 'late_delivery',
  comment: 'Two weeks late, and I need the files for a launch on Friday.',
};

let made = 0;

/** What the marketplace does on the page. */
export interface Orders {
  readonly read: (orderId: string) => Promise<ReportedOrder>;
  /** Reports a new order, and has its parties make of it what was asked for. @returns its id */
  readonly make: (sample: Sample, clock: { readonly id: string; readonly now: string } | null) => Promise<string>;
  /** Reports another status of an order, as the order service would. */
  readonly report: (orderId: string, status: string) => Promise<void>;
}

/** Makes what reports orders, as the order service would. */
export function createOrders(call: Call, tokens: TokenSource): Orders {
  const place = (orderId: string) => `/v1/orders/${encodeURIComponent(orderId)}`;
  const put = (orderId: string, body: unknown) => call('service', 'PUT', place(orderId), { body });
  const read: Orders['read'] = (orderId) => call('client', 'GET', place(orderId));

  const make: Orders['make'] = async (sample, clock) => {
    const orderId = `sample-${Date.now().toString(36)}`;
    const now = clock === null ? Date.now() : Date.parse(clock.now);
    const [title, amount] = WORK[made % WORK.length] ?? WORK[0];
    made += 1;
    const isAsked = sample === 'in_dispute' || sample === 'mutually_cancelled';
    const isLate = sample === 'late' || isAsked;
    await put(orderId, {
      clientId: await tokens.subjectOf('client'),
      freelancerId: await tokens.subjectOf('freelancer'),
      title,
      status: isAsked ? 'late' : sample,
      deliverBy: new Date(now + (isLate ? -LATE_SINCE_DAYS : DELIVERED_WITHIN_DAYS) * DAY_MS).toISOString(),
      price: { amount, currency: 'USD' },
      revision: 1,
      ...(clock !== null && { testClockId: clock.id }),
    });
    if (!isAsked) return orderId;
    const { id } = await call<Dispute>('client', 'POST', `${place(orderId)}/disputes`, { body: REQUEST });
    if (sample === 'mutually_cancelled') await call('freelancer', 'POST', `/v1/disputes/${id}/accept`, { body: {} });
    return orderId;
  };

  const report: Orders['report'] = async (orderId, status) => {
    const { clientId, freelancerId, title, deliverBy, price, revision } = await read(orderId);
    await put(orderId, { clientId, freelancerId, title, deliverBy, price, status, revision: revision + 1 });
  };

  return { read, make, report };
}
