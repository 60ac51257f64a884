import { once } from 'node:events';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { buildApp } from '../../src/http/app.ts';
import { closeApp } from '../../src/http/close.ts';
import { createEventStreams, STREAM_LIMITS, type StreamLimits } from '../../src/http/event-streams.ts';
import { createLiveFeed } from '../../src/operations/live-feed.ts';
import { mintToken } from '../../src/platform/development.ts';
import { delayCommits } from '../feed/feed.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { TEST_SECRET } from '../harness/client.ts';
import { type Message, type OpenStream, openStream } from '../harness/event-stream.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { EventPage } from '../harness/types.ts';
import { waitFor } from '../harness/wait-for.ts';
import { section } from '../readme/readme.ts';

let service: Service;
let url: string;

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none', CORS_ORIGINS: 'https://shop.example' } });
  url = await service.listen();
});

/** The same service with other limits. */
async function serve(limits: Partial<StreamLimits>, { deps } = service) {
  const { db } = deps.write;
  const liveFeed = createLiveFeed(db, () => {});
  const streams = createEventStreams(db, liveFeed, { ...STREAM_LIMITS, ...limits });
  const app = await buildApp({ ...deps.app, http: { ...deps.app.http, streams } });
  onCleanup(() => closeApp(app, 500));
  return { app, url: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

const behind = (id: string | undefined) => ({ headers: { 'last-event-id': id ?? '' } });

async function messages(stream: OpenStream, count: number): Promise<(Message | null)[]> {
  const read: (Message | null)[] = [];
  while (read.length < count) read.push(await stream.next());
  return read;
}

describe('a stream', () => {
  test('begins now, says where that is, and tells what happens, in the words of the feed and with what was written', async () => {
    const { id: orderId } = await seedOrder(service);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    const stream = await openStream(url, orderId, { sub: CLIENT });
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(stream.headers.get('cache-control')).toBe('no-store');
    expect(await stream.part()).toEqual({ retry: '2000' });
    const ready = await stream.part();
    const position = Number(ready?.id);
    expect(ready).toEqual({
      id: String(position),
      event: 'ready',
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
    const [opened, changed] = await messages(all, 2);
    expect([opened?.event, changed?.event]).toEqual(['dispute.opened', 'order.status_changed']);
    const rest = await openStream(url, orderId, { sub: FREELANCER, query: '?after=0', ...behind(opened?.id) });
    expect(await rest.part()).toEqual({ retry: '2000' });
    expect(await rest.part()).toEqual(changed);
    for (const stream of [all, rest]) stream.hangUp();
  });

  test('says that it is there while nothing happens', async () => {
    const { id: orderId } = await seedOrder(service);
    const quick = await serve({ heartbeatMs: 20 });
    const stream = await openStream(quick.url, orderId, { sub: CLIENT });
    await stream.next();
    for (let beat = 0; beat < 3; beat += 1) expect(await stream.part()).toEqual({ comment: 'nothing new' });
    await seedDispute(service, 'cancellation', { orderId });
    expect((await stream.next())?.event).toBe('dispute.opened');
    stream.hangUp();
  });

  test('ends when its time is over, and the next one goes on where it was', async () => {
    const { id: orderId } = await seedOrder(service);
    const brief = await serve({ lifetimeMs: 300 });
    const stream = await openStream(brief.url, orderId, { sub: CLIENT });
    const ready = await stream.next();
    expect(await stream.next()).toBeNull();
    await seedDispute(service, 'cancellation', { orderId });
    const next = await openStream(url, orderId, { sub: CLIENT, ...behind(ready?.id) });
    expect((await next.next())?.event).toBe('dispute.opened');
    next.hangUp();
  });

  test('ends, whole, when the process stops', async () => {
    const { id: orderId } = await seedOrder(service);
    const other = await serve({});
    const streams = await Promise.all([1, 2, 3].map(() => openStream(other.url, orderId, { sub: CLIENT })));
    for (const stream of streams) expect((await stream.next())?.event).toBe('ready');
    // If it had to wait for them, this would take longer than the test may.
    const closed = closeApp(other.app, 60_000);
    for (const stream of streams) expect(await stream.next()).toBeNull();
    await closed;
  });

  test('can be asked for by a page of a configured origin', async () => {
    const origin = 'https://shop.example';
    const { id: orderId } = await seedOrder(service);
    const asked = { origin, 'access-control-request-method': 'GET' };
    const preflight = await service.app.inject({ method: 'OPTIONS', url: '/v1/disputes', headers: asked });
    expect(preflight.headers['access-control-allow-headers']).toContain('Last-Event-ID');
    const stream = await openStream(url, orderId, { sub: CLIENT, headers: { origin } });
    expect(stream.headers.get('access-control-allow-origin')).toBe(origin);
    expect(stream.headers.get('x-content-type-options')).toBe('nosniff');
    stream.hangUp();
  });
});

describe('events that are written while readers come and go', () => {
  const WRITES = 12;

  /** Both parties comment at once, each by another process; then one of them ends it. */
  async function write(services: readonly Service[], orderId: string): Promise<void> {
    const [one = service, other = service] = services;
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

  /** Reads until the order's last event, and hangs up after every few messages. */
  async function read(urls: readonly string[], orderId: string, sub: string): Promise<string[]> {
    const seen: string[] = [];
    for (let turn = 0, id = '0'; ; turn += 1) {
      const stream = await openStream(urls[turn % urls.length] ?? '', orderId, { sub, ...behind(id) });
      for (let left = 1 + (turn % 4); left > 0; left -= 1) {
        const message = await stream.next();
        if (message === null) break;
        seen.push((message.data as { id: string }).id);
        id = message.id ?? id;
        if (isLast(message)) return seen;
      }
      stream.hangUp();
    }
  }

  /** What somebody knows who waits for `ready` and reads the log then, and hears the rest. */
  async function know(baseUrl: string, orderId: string, sub: string): Promise<Set<string>> {
    const stream = await openStream(baseUrl, orderId, { sub });
    await stream.next();
    const rows = await service.database.query<{ id: string }>('SELECT id FROM log_entries WHERE order_id = $1', [
      orderId,
    ]);
    const known = new Set(rows.map(({ id }) => id));
    for (let message = await stream.next(); message !== null; message = await stream.next()) {
      known.add((message.data as { id: string }).id);
      if (isLast(message)) break;
    }
    stream.hangUp();
    return known;
  }

  test('each reader gets every one once, in order, also if it hangs up again and again', async () => {
    const other = await startService({ database: service.database, env: { REMINDERS: 'none' } });
    await delayCommits(service.database);
    const urls = [url, await other.listen()];
    const orderIds = ['concurrent-1', 'concurrent-2', 'concurrent-3'];
    for (const orderId of orderIds) await seedOrder(service, {}, orderId);
    const reading = orderIds.flatMap((orderId) => [CLIENT, FREELANCER].map((sub) => read(urls, orderId, sub)));
    const knowing = orderIds.map((orderId, index) => know(urls[index % 2] ?? '', orderId, CLIENT));
    await Promise.all(orderIds.map((orderId) => write([service, other], orderId)));
    const [seen, known] = await Promise.all([Promise.all(reading), Promise.all(knowing)]);
    for (const [index, orderId] of orderIds.entries()) {
      const query = 'SELECT id FROM log_entries WHERE order_id = $1 ORDER BY seq';
      const ids = (await service.database.query<{ id: string }>(query, [orderId])).map(({ id }) => id);
      expect(ids).toHaveLength(2 * WRITES + 4);
      expect([seen[2 * index], seen[2 * index + 1]]).toEqual([ids, ids]);
      expect(known[index]).toEqual(new Set(ids));
    }
  }, 60_000);
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

  test('one who takes only JSON gets none', async () => {
    const { id: orderId } = await seedOrder(service);
    const refused = await openStream(url, orderId, { sub: CLIENT, headers: { accept: 'application/json' } });
    expect([refused.status, (await refused.refusal()).code]).toEqual([406, 'not_acceptable']);
  });
});

describe('the number of streams', () => {
  test('of one caller is limited, also over its orders; one that ends makes room, and others have their own', async () => {
    const { id: orderId } = await seedOrder(service);
    const { id: another } = await seedOrder(service);
    const few = await serve({ perCaller: 2 });
    const first = await openStream(few.url, orderId, { sub: CLIENT });
    const second = await openStream(few.url, another, { sub: CLIENT });
    expect([first.status, second.status]).toEqual([200, 200]);
    const third = await openStream(few.url, orderId, { sub: CLIENT });
    expect([third.status, (await third.refusal()).code]).toEqual([429, 'rate_limited']);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await openStream(few.url, orderId, { sub: FREELANCER })).status).toBe(200);
    first.hangUp();
    await waitFor('there is room again', async () => {
      const stream = await openStream(few.url, orderId, { sub: CLIENT });
      return stream.status === 200;
    });
  });

  test('of one process is limited', async () => {
    const { id: orderId } = await seedOrder(service);
    const few = await serve({ perProcess: 1 });
    expect((await openStream(few.url, orderId, { sub: CLIENT })).status).toBe(200);
    const refused = await openStream(few.url, orderId, { sub: FREELANCER });
    expect([refused.status, (await refused.refusal()).code]).toEqual([503, 'unavailable']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('is not used up by requests for the headers alone, nor by what is refused', async () => {
    const { id: orderId } = await seedOrder(service);
    const few = await serve({ perCaller: 1 });
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

test('the example in the README follows an order, and goes on after a cut', async () => {
  const [, code] = /```js\n(.*?)```/s.exec(section('Following an order')) ?? [];
  const { followOrder } = await import(
    `data:text/javascript,${encodeURIComponent(`${code}\nexport { followOrder };`)}`
  );
  const { id: orderId } = await seedOrder(service);
  const brief = await serve({ lifetimeMs: 1_000 });
  const seen: string[] = [];
  const reader = new AbortController();
  const token = () => mintToken(TEST_SECRET, { sub: CLIENT });
  const following = followOrder(brief.url, token, orderId, (event: string) => seen.push(event), reader.signal);
  await waitFor('it is ready', () => seen.includes('ready'));
  const { id } = await seedDispute(service, 'cancellation', { orderId });
  await waitFor('it hears of it', () => seen.includes('order.status_changed'));
  // Its stream ends meanwhile.
  await once(brief.app.server, 'request');
  await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
  await waitFor('it hears of the end', () => seen.includes('dispute.withdrawn'));
  expect(seen.filter((event) => event !== 'order.status_changed')).toEqual([
    'ready',
    'dispute.opened',
    'dispute.withdrawn',
  ]);
  reader.abort();
  await following;
}, 30_000);
