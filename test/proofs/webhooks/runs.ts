import { setTimeout as sleep } from 'node:timers/promises';
import type { Clients } from '../../harness/client.ts';
import type { TestDatabase } from '../../harness/database.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { REQUESTS, seedOrder } from '../../harness/seed.ts';
import type { Dispute } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { LOCAL } from '../../webhooks/endpoints.ts';
import { type Receiver, startReceiver } from '../../webhooks/receiver.ts';
import { quantile } from '../faults/verify/lateness.ts';

/** An api and a worker, each a process of its own, as they run elsewhere. */
interface Pair {
  readonly api: ServiceProcess;
  readonly database: TestDatabase;
}

async function startPair(): Promise<Pair> {
  const env = { ...LOCAL, LOG_LEVEL: 'warn', DATABASE_POOL_SIZE: '20' };
  const api = await startProcess({ role: 'api', env });
  await startProcess({ role: 'worker', env, database: api.database });
  return { api, database: api.database };
}

interface Added {
  readonly id: string;
  readonly receiver: Receiver;
}

async function add({ api }: Pair, types: readonly string[] | null): Promise<Added> {
  const receiver = await startReceiver();
  const manager = api.withScopes('webhooks:manage');
  const { body } = await manager.post<{ id: string; secret: string }>('/v1/webhook-endpoints', {
    url: receiver.url,
    types,
  });
  receiver.secrets.push(body.secret);
  return { id: body.id, receiver };
}

let serial = 0;

/** An order with an open request to cancel it: two events. */
async function openOne(clients: Clients): Promise<Dispute> {
  serial += 1;
  const name = `hooks-${process.pid}-${serial}`;
  const order = await seedOrder(clients, { clientId: name }, name);
  const client = clients.as(name);
  return (await client.post<Dispute>(`/v1/orders/${order.id}/disputes`, REQUESTS.cancellation)).body;
}

/** Has the respondents accept disputes, so many in a second; each makes two events. */
async function acceptAll(clients: Clients, disputes: readonly Dispute[], perSecond: number): Promise<void> {
  const begun = performance.now();
  const under: Promise<unknown>[] = [];
  for (const [index, { id }] of disputes.entries()) {
    under.push(clients.as('user-9').post(`/v1/disputes/${id}/accept`));
    await sleep(Math.max(0, begun + ((index + 1) * 1_000) / perSecond - performance.now()));
  }
  await Promise.all(under);
}

export interface Figures {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

const figuresOf = (values: readonly number[]): Figures => {
  const sorted = values.toSorted((a, b) => a - b);
  return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
};

/** How long after it happened each event of some types came to a receiver first, in milliseconds, by one host's clock. */
const delaysOf = ({ receiver }: Added, types: readonly string[]): number[] =>
  receiver.received
    .filter(({ message, isNew }) => isNew && types.includes(message.type))
    .map(({ at, message }) => at - Date.parse(message.timestamp));

/** Opens disputes, has them accepted at a rate, and measures how long the events of it took to their first attempt. */
async function measure(
  pair: Pair,
  added: readonly Added[],
  seconds: number,
  eventsPerSecond: number,
): Promise<number[]> {
  // An acceptance makes two events: the dispute's and the order's.
  const count = Math.ceil((seconds * eventsPerSecond) / 2);
  const disputes: Dispute[] = [];
  for (let n = 0; n < count; n += 8) {
    const some = Array.from({ length: Math.min(8, count - n) }, () => openOne(pair.api));
    disputes.push(...(await Promise.all(some)));
  }
  for (const { receiver } of added) receiver.received.length = 0;
  await acceptAll(pair.api, disputes, eventsPerSecond / 2);
  const types = ['dispute.accepted', 'order.status_changed'];
  await waitFor('all of it has come', () => added.every((one) => delaysOf(one, types).length >= 2 * count), 60_000);
  return added.flatMap((one) => delaysOf(one, types));
}

/** From `accept` to the first attempt, at a rate of events. */
export async function runPromptness(seconds: number, eventsPerSecond: number): Promise<Figures> {
  const pair = await startPair();
  const added = [await add(pair, ['dispute.accepted', 'order.status_changed'])];
  await measure(pair, added, 2, 20);
  return figuresOf(await measure(pair, added, seconds, eventsPerSecond));
}

export interface HangResult {
  readonly without: Figures;
  readonly beside: Figures;
}

/** What a receiver that never answers does to three others: rounds with it and without, by turns. */
export async function runHang(rounds: number, seconds: number, eventsPerSecond: number): Promise<HangResult> {
  const pair = await startPair();
  const types = ['dispute.accepted', 'order.status_changed'];
  const others = [await add(pair, types), await add(pair, types), await add(pair, types)];
  const hung = await add(pair, types);
  hung.receiver.react = () => null;
  const manager = pair.api.withScopes('webhooks:manage');
  const setHung = (active: boolean) => manager.patch(`/v1/webhook-endpoints/${hung.id}`, { active });
  await setHung(false);
  await measure(pair, others, 2, 20);
  const delays: Record<'without' | 'beside', number[]> = { without: [], beside: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of round % 2 === 0 ? (['without', 'beside'] as const) : (['beside', 'without'] as const)) {
      await setHung(kind === 'beside');
      delays[kind].push(...(await measure(pair, others, seconds, eventsPerSecond)));
    }
  }
  return { without: figuresOf(delays.without), beside: figuresOf(delays.beside) };
}
