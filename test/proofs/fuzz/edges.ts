import { randomUUID } from 'node:crypto';
import type { Client } from '../../harness/client.ts';
import type { ServiceProcess } from '../../harness/process.ts';
import { anOrderReport } from '../../harness/seed.ts';
import type { Dispute, OpenDisputeRequest, OrderReport } from '../../harness/types.ts';

/** A request that meets a rule or a bound which chance alone would hardly find, in a state that was made for it. */
export interface Edge {
  readonly operationId: string;
  /** Who sends it: a user or a scope. */
  readonly caller: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Whether the API as a whole refuses it, which no operation documents. */
  readonly isGeneral?: boolean;
}

export const CLIENT = 'user-1';
export const FREELANCER = 'user-3';
const PARTIES = { clientId: CLIENT, freelancerId: FREELANCER };
const HOUR_MS = 3_600_000;

const UPDATE: OpenDisputeRequest = { type: 'order_update' };
const CANCELLATION: OpenDisputeRequest = { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' };
const EXTRAS: OpenDisputeRequest = {
  type: 'order_change',
  change: { extras: [{ title: 'Source files', price: { amount: 5_000, currency: 'USD' } }] },
};
const until = (deliverBy: string): OpenDisputeRequest => ({ type: 'order_change', change: { deliverBy } });

/** Comments without any visible character. */
const BLANKS = ['\u200b', '\u2800', '\u3164', '\ufe0f', '\u{e0100}', ' \t\n'];

/** How the edges are made: orders of their own, which no other request of the fuzzer names. */
export interface Ground {
  readonly database: ServiceProcess['database'];
  readonly client: Client;
  readonly freelancer: Client;
  readonly mailer: Client;
  readonly order: (over?: Partial<OrderReport>) => Promise<string>;
  readonly report: (orderId: string, over: Partial<OrderReport>) => Promise<void>;
  readonly open: (by: Client, orderId: string, body: OpenDisputeRequest) => Promise<string>;
}

/** Makes what the edges are made with. */
export function groundOf(service: ServiceProcess): Ground {
  const reporter = service.withScopes('orders:write');
  let count = 0;
  const report: Ground['report'] = async (orderId, over) => {
    const { text, status } = await reporter.put(`/v1/orders/${orderId}`, anOrderReport({ ...PARTIES, ...over }));
    if (status > 201) throw new Error(`an order was not taken: ${text}`);
  };
  return {
    database: service.database,
    client: service.as(CLIENT),
    freelancer: service.as(FREELANCER),
    mailer: service.withScopes('notices:write'),
    report,
    order: async (over = {}) => {
      count += 1;
      const orderId = `edge-${count}`;
      await report(orderId, over);
      return orderId;
    },
    open: async (by, orderId, body) => (await by.post<Dispute>(`/v1/orders/${orderId}/disputes`, body)).body.id,
  };
}

export const opening = (caller: string, orderId: string, body: OpenDisputeRequest, headers = {}): Edge => ({
  operationId: 'openDispute',
  caller,
  params: { orderId },
  body,
  headers,
});

const answer = (operationId: string, caller: string, id: string, body: unknown = {}, headers = {}): Edge => ({
  operationId,
  caller,
  params: { id },
  body,
  headers,
});

const reporting = (orderId: string, over: Partial<OrderReport>): Edge => ({
  operationId: 'reportOrder',
  caller: 'orders:write',
  params: { orderId },
  body: anOrderReport({ ...PARTIES, revision: 9, ...over }),
});

/** Requests that were overtaken by what the order service reported, or by time. */
export async function outdatedEdges(ground: Ground, clock: TestClock): Promise<Edge[]> {
  const { client, freelancer, order, report, open } = ground;
  const later = await order();
  const laterId = await open(freelancer, later, until('2031-12-05T17:00:00.000Z'));
  await report(later, { deliverBy: '2031-12-20T17:00:00.000Z', revision: 2 });
  const paid = await order();
  const paidId = await open(freelancer, paid, EXTRAS);
  await report(paid, { price: { amount: 15_000, currency: 'JPY' }, revision: 2 });
  const onClock = { testClockId: clock.id, deliverBy: null };
  const soon = await open(freelancer, await order(onClock), until(new Date(clock.now + HOUR_MS).toISOString()));
  const missed = await open(client, await order(onClock), CANCELLATION);
  await clock.advance('PT49H');
  return [
    answer('acceptDispute', CLIENT, laterId),
    answer('acceptDispute', CLIENT, paidId),
    answer('acceptDispute', CLIENT, soon),
    answer('acceptDispute', FREELANCER, missed),
    answer('addComment', CLIENT, missed, { comment: 'Well?' }),
  ];
}

/** What the state of an order or dispute refuses. */
export async function stateEdges(ground: Ground, clock: TestClock): Promise<Edge[]> {
  const { client, freelancer, order, report, open } = ground;
  const ended = await order();
  await freelancer.post(`/v1/disputes/${await open(client, ended, CANCELLATION)}/accept`, {});
  const completed = await order({ status: 'completed' });
  const cancelled = await order({ status: 'cancelled' });
  const declined = await order();
  await freelancer.post(`/v1/disputes/${await open(client, declined, CANCELLATION)}/decline`, {});
  const disputed = await order();
  await report(disputed, { revision: 8 });
  const openId = await open(client, disputed, UPDATE);
  const withdrawn = await open(client, await order(), UPDATE);
  const key = { 'idempotency-key': `edge ${randomUUID()}` };
  await client.post(`/v1/disputes/${withdrawn}/withdraw`, {}, key);
  return [
    reporting(ended, {}),
    reporting(disputed, { revision: 7 }),
    reporting(disputed, { clientId: 'user-2' }),
    reporting(disputed, { testClockId: clock.id }),
    opening(CLIENT, completed, UPDATE),
    opening(CLIENT, cancelled, UPDATE),
    opening(CLIENT, declined, CANCELLATION),
    opening(CLIENT, disputed, UPDATE),
    opening(FREELANCER, disputed, UPDATE),
    opening(CLIENT, declined, { ...UPDATE, reason: 'late_delivery' }),
    opening(CLIENT, declined, until('2020-01-01T00:00:00.000Z')),
    opening(FREELANCER, declined, until('2020-01-01T00:00:00.000Z')),
    opening(FREELANCER, declined, { type: 'cancellation' }),
    opening(CLIENT, declined, { type: 'cancellation' }),
    answer('provideUpdate', CLIENT, openId, { comment: 'Soon.' }),
    answer('provideUpdate', FREELANCER, openId, { comment: 'Soon.' }, { 'if-match': '"7"' }),
    answer('withdrawDispute', FREELANCER, openId),
    answer('addComment', CLIENT, withdrawn, { comment: 'Thank you.' }),
    answer('withdrawDispute', CLIENT, withdrawn, { comment: 'Another request.' }, key),
    answer('addComment', CLIENT, openId, { comment: 'x'.repeat(4_001) }),
    opening(FREELANCER, declined, { type: 'order_change', change: { extras: [] } }),
    { operationId: 'listReasons', caller: CLIENT, headers: { 'x-filling': 'x'.repeat(20_000) }, isGeneral: true },
    ...BLANKS.map((comment) => answer('addComment', CLIENT, openId, { comment })),
  ];
}

/** A test clock that the edges have for themselves. */
export interface TestClock {
  readonly id: string;
  readonly now: number;
  readonly advance: (by: string) => Promise<void>;
}

/** Makes a test clock in a service that has no worker: what is due takes effect in the request that advances it. */
export async function clockOf(service: ServiceProcess): Promise<TestClock> {
  const tester = service.withScopes('test:clocks');
  const { body } = await tester.post<{ id: string; now: string }>('/v1/test-clocks', {});
  return {
    id: body.id,
    now: Date.parse(body.now),
    advance: async (by) => {
      const { status } = await tester.post(`/v1/test-clocks/${body.id}/advance?wait=30`, { by });
      if (status !== 200) throw new Error(`a test clock was not advanced: ${status}`);
    },
  };
}
