import { once } from 'node:events';
import type { Socket } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { closeApp } from '../../../src/http/server/close.ts';
import { openStream } from '../../harness/api/event-stream.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { EventPage } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { behind, messages, openDeadStream, serveStreams, types } from './streams.ts';

let service: Service;
let url: string;

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none', CORS_ORIGINS: 'https://shop.example' } });
  url = await service.listen();
});

describe('a stream', () => {
  test('begins now, says where that is, and tells what happens, in the words of the feed and with what was written', async () => {
    const { id: orderId } = await seedOrder(service);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    const stream = await openStream(url, orderId, { sub: CLIENT });
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.headers.get('cache-control')).toBe('no-store');
    const ready = await stream.part();
    const position = Number(ready?.id);
    expect(ready).toEqual({
      id: String(position),
      event: 'ready',
      retry: expect.stringMatching(/^[2-5]\d{3}$/),
      data: { position, serverTime: expect.stringMatching(/Z$/) },
    });
    await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/comments`, { comment: 'Two more days?' });
    await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    const told = await messages(stream, 3);
    const { body } = await service
      .withScopes('events:read', 'comments:read')
      .get<EventPage>(`/v1/events?orderId=${orderId}&after=${position}`);
    expect(told).toEqual(body.data.map((event) => ({ id: String(event.seq), event: event.type, data: event })));
    expect(body.data).toMatchObject([{ comment: 'Two more days?' }, {}, {}]);
    stream.hangUp();
  });

  test('goes on behind a position, by the header or, where that is not given, by the query', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const all = await openStream(url, orderId, { sub: FREELANCER, query: '?after=0' });
    const [ready, opened, changed] = await messages(all, 3);
    expect([ready?.id, opened?.event, changed?.event]).toEqual(['0', 'dispute.opened', 'order.status_changed']);
    const rest = await openStream(url, orderId, { sub: FREELANCER, query: '?after=0', ...behind(opened?.id) });
    expect(await rest.part()).toMatchObject({ id: opened?.id, event: 'ready', data: { position: Number(opened?.id) } });
    expect(await rest.part()).toEqual(changed);
    for (const stream of [all, rest]) stream.hangUp();
  });

  test('says that it is there while nothing happens', async () => {
    const { id: orderId } = await seedOrder(service);
    const quick = await serveStreams(service, { heartbeatMs: 20 });
    const stream = await openStream(quick.url, orderId, { sub: CLIENT });
    await stream.next();
    for (let beat = 0; beat < 3; beat += 1) expect(await stream.part()).toEqual({ comment: 'heartbeat' });
    await seedDispute(service, 'cancellation', { orderId });
    expect((await stream.next())?.event).toBe('dispute.opened');
    stream.hangUp();
  });

  test('ends when its time is over, and the next one goes on where it was', async () => {
    const { id: orderId } = await seedOrder(service);
    const brief = await serveStreams(service, { lifetimeMs: 300 });
    const stream = await openStream(brief.url, orderId, { sub: CLIENT });
    const ready = await stream.next();
    expect(await stream.next()).toEqual({
      retry: expect.stringMatching(/^[1-5]\d\d$/),
      event: 'end',
      data: { reason: 'lifetime' },
    });
    expect(await stream.next()).toBeNull();
    await seedDispute(service, 'cancellation', { orderId });
    const next = await openStream(url, orderId, { sub: CLIENT, ...behind(ready?.id) });
    expect(await types(next, 2)).toEqual(['ready', 'dispute.opened']);
    next.hangUp();
  });

  test('ends, whole, when the process stops', async () => {
    const { id: orderId } = await seedOrder(service);
    const other = await serveStreams(service, {});
    const streams = await Promise.all([1, 2, 3].map(() => openStream(other.url, orderId, { sub: CLIENT })));
    for (const stream of streams) expect((await stream.next())?.event).toBe('ready');
    // If it had to wait for them, this would take longer than the test may.
    const closed = closeApp(other.app, 60_000);
    for (const stream of streams) {
      expect(await messages(stream, 2)).toEqual([{ event: 'end', data: { reason: 'shutdown' } }, null]);
    }
    await closed;
  });

  test('can be asked for by a page of a configured origin', async () => {
    const origin = 'https://shop.example';
    const { id: orderId } = await seedOrder(service);
    const asked = {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization,last-event-id',
    };
    const preflight = await service.app.inject({ method: 'OPTIONS', url: '/v1/disputes', headers: asked });
    expect(preflight.headers['access-control-allow-headers']).toMatch(/last-event-id/i);
    const stream = await openStream(url, orderId, { sub: CLIENT, headers: { origin } });
    expect(stream.headers.get('access-control-allow-origin')).toBe(origin);
    expect(stream.headers.get('x-content-type-options')).toBe('nosniff');
    stream.hangUp();
  });
});

describe('who may not have one', () => {
  test('a stranger is told what it would be told of an order that does not exist; a service is refused', async () => {
    const { id: orderId } = await seedOrder(service);
    const theirs = await openStream(url, orderId, { sub: 'user-1' });
    const missing = await openStream(url, 'no-such-order', { sub: 'user-1' });
    expect([theirs.status, missing.status]).toEqual([404, 404]);
    expect(await theirs.refusal()).toMatchObject({ detail: (await missing.refusal()).detail, code: 'not_found' });
    const asService = await openStream(url, orderId, { sub: CLIENT, scope: 'events:read' });
    expect([asService.status, (await asService.refusal()).code]).toEqual([403, 'forbidden']);
  });

  test.each([
    ['?after=-1', {}],
    ['?after=x', {}],
    ['?after=1&types=dispute.opened', {}],
    ['', { 'last-event-id': '' }],
    ['', { 'last-event-id': '1e3' }],
    ['', { 'last-event-id': '9999999999999999' }],
    ['?after=1', { 'last-event-id': 'x' }],
  ])('a position that is none is refused: %s %j', async (query, headers) => {
    const { id: orderId } = await seedOrder(service);
    const refused = await openStream(url, orderId, { sub: CLIENT, query, headers });
    expect([refused.status, (await refused.refusal()).code]).toEqual([400, 'validation_failed']);
  });

  test('a position beyond the end of the log is refused, with the end: there the reader begins anew', async () => {
    const { id: orderId } = await seedOrder(service);
    const stream = await openStream(url, orderId, { sub: CLIENT });
    const end = Number((await stream.next())?.id);
    stream.hangUp();
    for (const [topic, position] of [
      [orderId, behind(String(end + 1))],
      [orderId, { query: `?after=${end + 1}` }],
      [null, behind(String(end + 1))],
    ] as const) {
      const refused = await openStream(url, topic, { sub: CLIENT, ...position });
      expect([refused.status, await refused.refusal()]).toEqual([
        409,
        expect.objectContaining({ code: 'position_ahead', end }),
      ]);
    }
    expect((await openStream(url, orderId, { sub: CLIENT, ...behind(String(end)) })).status).toBe(200);
  });

  test('one who takes only JSON gets none', async () => {
    const { id: orderId } = await seedOrder(service);
    const refused = await openStream(url, orderId, { sub: CLIENT, headers: { accept: 'application/json' } });
    expect([refused.status, (await refused.refusal()).code]).toEqual([406, 'not_acceptable']);
  });
});

describe('the number of streams', () => {
  test('of one caller is limited, over all that it follows: one more ends the oldest, and nothing is lost by that', async () => {
    const { id: orderId } = await seedOrder(service);
    const { id: another } = await seedOrder(service);
    const few = await serveStreams(service, { perCaller: 2 });
    const first = await openStream(few.url, orderId, { sub: CLIENT });
    const ready = await first.next();
    const second = await openStream(few.url, another, { sub: CLIENT });
    const theirs = await openStream(few.url, orderId, { sub: FREELANCER });
    const third = await openStream(few.url, null, { sub: CLIENT });
    expect([second.status, theirs.status, third.status]).toEqual([200, 200, 200]);
    // The tab that was ended does not come back at once, to end the stream of another tab.
    expect(await messages(first, 2)).toEqual([
      { retry: expect.stringMatching(/^[3-6]\d{4}$/), event: 'end', data: { reason: 'too_many_streams' } },
      null,
    ]);
    await seedDispute(service, 'cancellation', { orderId });
    for (const stream of [third, theirs]) expect(await types(stream, 2)).toEqual(['ready', 'dispute.opened']);
    const again = await openStream(few.url, orderId, { sub: CLIENT, ...behind(ready?.id) });
    expect(await types(again, 2)).toEqual(['ready', 'dispute.opened']);
    expect((await messages(second, 2))[1]).toMatchObject({ data: { reason: 'too_many_streams' } });
  });

  test('of a caller whose connections are dead does not lock it out', async () => {
    const { id: orderId } = await seedOrder(service);
    const few = await serveStreams(service, { perCaller: 3 });
    const path = `/v1/orders/${orderId}/events/stream`;
    for (let count = 0; count < 3; count += 1) await openDeadStream(few.url, path, CLIENT);
    const stream = await openStream(few.url, orderId, { sub: CLIENT });
    expect((await stream.next())?.event).toBe('ready');
  });

  test('is given back by a reader that takes nothing any more, and its connection is cut', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    // More than what a connection holds without its reader: entries are many, and as long as they get.
    await service.database.query(
      `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, comment, data, seq)
       SELECT order_id, 1000 + n, gen_random_uuid(), 'dispute.comment_added', occurred_at, $1, actor_role, actor_id, cause,
         repeat('x', 4000), data, (SELECT max(seq) FROM log_entries) + n FROM log_entries, generate_series(1, 4000) AS n WHERE order_id = $2 AND order_version = 1`,
      [id, orderId],
    );
    const few = await serveStreams(service, { perCaller: 1, lingerMs: 50 });
    const connected = once(few.app.server, 'connection') as Promise<[Socket]>;
    const dead = await openDeadStream(few.url, `/v1/orders/${orderId}/events/stream?after=0`, CLIENT);
    const [connection] = await connected;
    let written = 0;
    const isFull = () => {
      const before = written;
      written = connection.bytesWritten;
      return connection.writableNeedDrain && written === before;
    };
    await waitFor('the connection takes no more', isFull, undefined, 200);
    // Nor does the server's own limit for silent connections end it.
    connection.setTimeout(0);
    const stream = await openStream(few.url, orderId, { sub: CLIENT });
    expect((await stream.next())?.event).toBe('ready');
    await waitFor('the connection is cut', () => connection.destroyed);
    const cut = once(dead, 'close');
    dead.resume();
    await cut;
  });

  test('of one process is limited', async () => {
    const { id: orderId } = await seedOrder(service);
    const few = await serveStreams(service, { perProcess: 1 });
    expect((await openStream(few.url, orderId, { sub: CLIENT })).status).toBe(200);
    const refused = await openStream(few.url, orderId, { sub: FREELANCER });
    expect([refused.status, (await refused.refusal()).code]).toEqual([503, 'unavailable']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('is not used up by requests for the headers alone, nor by what is refused', async () => {
    const { id: orderId } = await seedOrder(service);
    const few = await serveStreams(service, { perCaller: 1 });
    const authorization = `Bearer ${await mintToken(TEST_SECRET, { sub: CLIENT })}`;
    const head = () =>
      fetch(`${few.url}/v1/orders/${orderId}/events/stream`, { method: 'HEAD', headers: { authorization } });
    await openStream(few.url, 'no-such-order', { sub: CLIENT });
    expect((await head()).status).toBe(200);
    await waitFor('there is room', async () => (await head()).status === 200);
    await waitFor('there is room', async () => {
      const stream = await openStream(few.url, orderId, { sub: CLIENT });
      return stream.status === 200;
    });
  });
});
