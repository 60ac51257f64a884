import { beforeAll, describe, expect, test } from 'vitest';
import { type Message, openStream } from '../../harness/api/event-stream.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { delayCommits } from '../../proofs/feed/feed.ts';
import { behind } from './streams.ts';

const WRITES = 12;
const ORDERS = ['concurrent-1', 'concurrent-2', 'concurrent-3'] as const;

let services: readonly [Service, Service];
let urls: readonly [string, string];

beforeAll(async () => {
  const one = await startService({ env: { REMINDERS: 'none' } });
  services = [one, await startService({ database: one.database, env: { REMINDERS: 'none' } })];
  urls = [await services[0].listen(), await services[1].listen()];
  await delayCommits(one.database);
  for (const orderId of ORDERS) await seedOrder(one, {}, orderId);
});

/** Both parties comment at once, each through another process; then one of them ends the dispute. */
async function write(orderId: string): Promise<void> {
  const [one, other] = services;
  const { id } = await seedDispute(one, 'cancellation', { orderId });
  const comment = async (by: Service, sub: string) => {
    for (let count = 0; count < WRITES; count += 1) {
      await by.as(sub).post(`/v1/disputes/${id}/comments`, { comment: `This is ${count}.` });
    }
  };
  await Promise.all([comment(one, CLIENT), comment(other, FREELANCER)]);
  await other.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
}

const isLast = (message: Message | null) =>
  message?.event === 'order.status_changed' &&
  (message.data as { order: { status: string } }).order.status !== 'in_dispute';

/** Reads until the last event of each order, and hangs up after every few messages; each time it asks the other process. */
async function read(orderId: string | null, sub: string): Promise<string[]> {
  const seen: string[] = [];
  let unfinished = orderId === null ? ORDERS.length : 1;
  for (let turn = 0, id = '0'; ; turn += 1) {
    const stream = await openStream(urls[turn % 2] ?? '', orderId, { sub, ...behind(id) });
    expect((await stream.next())?.event).toBe('ready');
    for (let left = 1 + (turn % 4); left > 0; left -= 1) {
      const message = await stream.next();
      if (message === null) break;
      seen.push((message.data as { id: string }).id);
      id = message.id ?? id;
      if (isLast(message)) unfinished -= 1;
      if (unfinished === 0) return seen;
    }
    stream.hangUp();
  }
}

/** The events known to a reader that waits for `ready`, then reads the log, and takes the rest from the stream. */
async function know(baseUrl: string, orderId: string, sub: string): Promise<Set<string>> {
  const stream = await openStream(baseUrl, orderId, { sub });
  await stream.next();
  const query = 'SELECT id FROM log_entries WHERE order_id = $1';
  const known = new Set((await services[0].database.query<{ id: string }>(query, [orderId])).map(({ id }) => id));
  for (let message = await stream.next(); message !== null; message = await stream.next()) {
    known.add((message.data as { id: string }).id);
    if (isLast(message)) break;
  }
  stream.hangUp();
  return known;
}

async function logOf(orderIds: readonly string[]): Promise<string[]> {
  const query = 'SELECT id FROM log_entries WHERE order_id = ANY($1) ORDER BY seq';
  return (await services[0].database.query<{ id: string }>(query, [orderIds])).map(({ id }) => id);
}

describe('events that are written while readers come and go', () => {
  test('each reader gets each event once, in order, also if it hangs up again and again', async () => {
    const ofOrders = ORDERS.flatMap((orderId) => [CLIENT, FREELANCER].map((sub) => read(orderId, sub)));
    const ofUsers = [CLIENT, FREELANCER].map((sub) => read(null, sub));
    const knowing = ORDERS.map((orderId, index) => know(urls[index % 2] ?? '', orderId, CLIENT));
    await Promise.all(ORDERS.map(write));
    const [seen, known, mine] = [await Promise.all(ofOrders), await Promise.all(knowing), await Promise.all(ofUsers)];
    for (const [index, orderId] of ORDERS.entries()) {
      const ids = await logOf([orderId]);
      expect(ids).toHaveLength(2 * WRITES + 4);
      expect([seen[2 * index], seen[2 * index + 1]]).toEqual([ids, ids]);
      expect(known[index]).toEqual(new Set(ids));
    }
    const all = await logOf(ORDERS);
    expect(mine).toEqual([all, all]);
  });
});
