import { beforeAll, describe, expect, test } from 'vitest';
import { type Message, openStream } from '../../harness/api/event-stream.ts';
import { anOrderReport, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { EventPage } from '../../harness/types.ts';
import { behind, messages, serveStreams } from './streams.ts';

let service: Service;
let url: string;

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
  url = await service.listen();
});

/** An order of two users with a dispute that the client opens. */
async function seedBetween(clientId: string, freelancerId: string, orderId?: string): Promise<string> {
  const { id } = await seedOrder(service, { clientId, freelancerId }, orderId);
  const opened = { type: 'cancellation', comment: `Between ${clientId} and ${freelancerId}.` };
  const { status } = await service.as(clientId).post(`/v1/orders/${id}/disputes`, opened);
  if (status !== 201) throw new Error(`a dispute was not opened: ${status}`);
  return id;
}

/** What the tests look at in an event. */
const factsOf = (message: Message | null) => message?.data as { readonly orderId: string; readonly comment?: string };

/** Everything in the log that happened to orders of a user behind a position, as the feed has it. */
async function feedOf(userId: string, after = 0): Promise<Message[]> {
  const reader = service.withScopes('events:read', 'comments:read');
  const found: Message[] = [];
  for (let position = after; ; ) {
    const { body } = await reader.get<EventPage>(`/v1/events?after=${position}&limit=500`);
    if (body.data.length === 0) return found;
    position = body.nextAfter;
    for (const event of body.data) {
      if (![event.order.clientId, event.order.freelancerId].includes(userId)) continue;
      found.push({ id: String(event.seq), event: event.type, data: event });
    }
  }
}

describe('the stream of a user', () => {
  test('has the events of all its orders, in either role, with what was written, and of no other order', async () => {
    await seedBetween('ana', 'ben', 'before');
    const stream = await openStream(url, null, { sub: 'ana' });
    const ready = await stream.next();
    expect(ready).toMatchObject({ event: 'ready', data: { serverTime: expect.any(String) } });
    // The process reads the log for both of them at once, and hands each its own.
    const another = await openStream(url, null, { sub: 'cleo' });
    await another.next();
    await seedBetween('cleo', 'ben');
    await seedBetween('cleo', 'ana');
    await seedBetween('ana', 'dan');
    await seedBetween('anabel', 'ben');
    const told = await messages(stream, 4);
    expect(told).toEqual(await feedOf('ana', Number(ready?.id)));
    expect(told.map((message) => factsOf(message).comment)).toEqual([
      'Between cleo and ana.',
      undefined,
      'Between ana and dan.',
      undefined,
    ]);
    expect(await messages(another, 4)).toEqual(await feedOf('cleo', Number(ready?.id)));
    for (const one of [stream, another]) one.hangUp();
  });

  test('includes orders that are reported while it is open, and those of which the user was a party before', async () => {
    const { id: known } = await seedOrder(service, { clientId: 'eva', freelancerId: 'ben' });
    const stream = await openStream(url, null, { sub: 'eva' });
    await stream.next();
    const reported = await seedBetween('ben', 'eva');
    await service.as('ben').post(`/v1/orders/${known}/disputes`, { type: 'cancellation', reason: 'duplicate_order' });
    await service
      .withScopes('orders:write')
      .put(
        `/v1/orders/${known}`,
        anOrderReport({ clientId: 'eva', freelancerId: 'ben', revision: 2, status: 'completed' }),
      );
    const told = await messages(stream, 6);
    const orders = told.map((message) => factsOf(message).orderId);
    expect(orders).toEqual([reported, reported, known, known, known, known]);
    stream.hangUp();
  });

  test('goes on after a long absence with every event of every order, once and in order, over many pages', async () => {
    const first = await seedBetween('fay', 'ben');
    // Sixty orders in both roles, with four hundred events, between those of others.
    await service.database.query(
      `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, data)
       SELECT 'fay-' || n % 60, 1 + n / 60, gen_random_uuid(), type, occurred_at + n * interval '1 ms', dispute_id, actor_role,
         actor_id, cause, jsonb_set(jsonb_set(data, '{order,clientId}', to_jsonb(CASE n % 3 WHEN 0 THEN 'fay' WHEN 1 THEN 'x' ELSE 'y' END)),
           '{order,freelancerId}', to_jsonb(CASE n % 3 WHEN 1 THEN 'fay' ELSE 'z' END))
       FROM log_entries, generate_series(1, 600) AS n WHERE order_id = $1 AND order_version = 1`,
      [first],
    );
    const all = await feedOf('fay');
    expect(all.length).toBe(402);
    const stream = await openStream(url, null, { sub: 'fay', query: '?after=0' });
    const ready = { id: '0', event: 'ready' };
    expect(await messages(stream, 300)).toMatchObject([ready, ...all.slice(0, 299)]);
    stream.hangUp();
    const rest = await openStream(url, null, { sub: 'fay', ...behind(all[298]?.id) });
    expect((await rest.next())?.id).toBe(all[298]?.id);
    expect(await messages(rest, all.length - 299)).toEqual(all.slice(299));
    await seedBetween('gus', 'fay');
    const [live] = await messages(rest, 1);
    expect(live).toMatchObject({ event: 'dispute.opened', data: { comment: 'Between gus and fay.' } });
    rest.hangUp();
  });

  test('is for users: a service is refused whatever its scopes are', async () => {
    const refused = await openStream(url, null, { sub: 'ana', scope: 'events:read comments:read' });
    expect([refused.status, (await refused.refusal()).code]).toEqual([403, 'forbidden']);
  });

  test.each(['', 'x', '-1', '1e3', '9999999999999999'])('refuses a Last-Event-ID that is none: %j', async (id) => {
    const refused = await openStream(url, null, { sub: 'ana', headers: { 'last-event-id': id } });
    expect([refused.status, (await refused.refusal()).code]).toEqual([400, 'validation_failed']);
  });
});

test('the metrics say how many streams are open, of which kind, and how they ended', async () => {
  const { app, url: brief } = await serveStreams(service, { perCaller: 1 });
  const metric = async (name: string) => {
    const { payload } = await app.inject({ method: 'GET', url: '/metrics' });
    const found = payload.split('\n').find((line) => line.startsWith(`${name} `));
    return Number(found?.split(' ')[1]);
  };
  const { id: orderId } = await seedOrder(service, { clientId: 'ida', freelancerId: 'ben' });
  const before = [await metric('event_streams_open{kind="order"}'), await metric('event_streams_open{kind="user"}')];
  const one = await openStream(brief, orderId, { sub: 'ida' });
  await one.next();
  expect(await metric('event_streams_open{kind="order"}')).toBe(Number(before[0]) + 1);
  const two = await openStream(brief, null, { sub: 'ida' });
  await two.next();
  expect(await messages(one, 2)).toMatchObject([{ event: 'end' }, null]);
  expect(await metric('event_streams_open{kind="user"}')).toBe(Number(before[1]) + 1);
  expect(await metric('event_streams_ended_total{reason="too_many_streams"}')).toBe(1);
  two.hangUp();
});
