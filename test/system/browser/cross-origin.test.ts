import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { anOrderReport, CLIENT, FREELANCER, REQUESTS, seedOrder } from '../../harness/seed.ts';
import type { Dispute, Order } from '../../harness/types.ts';
import { hasChromium, openPage, startBrowser } from './chromium.ts';
import { servePages } from './pages.ts';

/** What libraries for traces and errors add to each call of a page. */
const TRACED = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'vendor=1',
  baggage: 'release=1.2.3',
  'sentry-trace': '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1',
  'x-requested-with': 'XMLHttpRequest',
  'cache-control': 'no-cache',
};

interface Read {
  readonly status: number;
  /** What the page may see of the headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) no browser enforces anything.
const browsing = hasChromium ? describe : describe.skip;

browsing('a page of another origin in Chromium', () => {
  let service: ServiceProcess;
  let page: Page;
  let stranger: Page;
  beforeAll(async () => {
    const [browser, { origin }, other] = await Promise.all([startBrowser(), servePages(), servePages()]);
    service = await startProcess({ env: { CORS_ORIGINS: origin, RATE_LIMIT_PER_MINUTE: '50' } });
    [page, stranger] = [(await openPage(browser)).page, (await openPage(browser)).page];
    await Promise.all([page.goto(origin), stranger.goto(other.origin)]);
  });

  const call = async (from: Page, sub: string, method: string, path: string, headers = {}, body?: unknown) => {
    const scope = sub === 'order-service' ? 'orders:write' : undefined;
    const token = await mintToken(TEST_SECRET, { sub, scope });
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = {
      method,
      headers: { authorization: `Bearer ${token}`, ...TRACED, ...json, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    return await from.evaluate<Read, unknown[]>(
      async ([url, init]) => {
        const answer = await fetch(url as string, init as RequestInit);
        const text = await answer.text();
        return {
          status: answer.status,
          headers: Object.fromEntries(answer.headers),
          body: text === '' ? null : JSON.parse(text),
        };
      },
      [service.url + path, options],
    );
  };

  test('reports, reads, opens and answers, with the headers that its libraries add', async () => {
    const path = '/v1/orders/order-of-a-page';
    const reported = await call(page, 'order-service', 'PUT', path, {}, anOrderReport());
    expect(reported).toMatchObject({ status: 201, headers: { location: path, 'x-request-id': expect.any(String) } });
    const order = await call(page, CLIENT, 'GET', path);
    expect(order).toMatchObject({ status: 200, headers: { 'ratelimit-limit': '50' } });

    const key = { 'idempotency-key': 'a key of the page' };
    const open = () => call(page, CLIENT, 'POST', `${path}/disputes`, key, REQUESTS.cancellation);
    const opened = await open();
    const { id } = opened.body as Dispute;
    expect(opened).toMatchObject({
      status: 201,
      headers: { etag: expect.any(String), location: `/v1/disputes/${id}` },
    });
    expect(await open()).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' } });

    const etag = String(opened.headers['etag']);
    const again = await call(page, CLIENT, 'GET', `/v1/disputes/${id}`, { 'if-none-match': etag });
    expect([200, 304]).toContain(again.status);
    const stale = { 'if-match': '"0"' };
    const refused = await call(page, FREELANCER, 'POST', `/v1/disputes/${id}/decline`, stale, {});
    expect(refused).toMatchObject({ status: 412, body: { code: 'version_mismatch' } });
    const fresh = { 'if-match': (await call(page, FREELANCER, 'GET', `/v1/disputes/${id}`)).headers['etag'] };
    const declined = await call(page, FREELANCER, 'POST', `/v1/disputes/${id}/decline`, fresh, {});
    expect(declined).toMatchObject({ status: 200, body: { resolution: 'declined' } });
  });

  test('reads why it is refused', async () => {
    const { id: orderId } = await seedOrder(service);
    const disputes = `/v1/orders/${orderId}/disputes`;
    const unsigned = { authorization: 'Bearer x.y.z' };
    expect(await call(page, CLIENT, 'GET', '/v1/disputes', unsigned)).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringContaining('Bearer') },
      body: { code: 'unauthenticated' },
    });
    expect(await call(page, CLIENT, 'GET', '/v1/orders/nothing')).toMatchObject({ status: 404 });
    expect(await call(page, CLIENT, 'DELETE', '/v1/disputes')).toMatchObject({
      status: 405,
      headers: { allow: 'GET, HEAD' },
    });
    await call(page, CLIENT, 'POST', disputes, {}, REQUESTS.order_update);
    const second = await call(page, CLIENT, 'POST', disputes, {}, REQUESTS.order_update);
    expect(second).toMatchObject({ status: 409, body: { code: 'dispute_already_open' } });
    let last = second;
    // Two minutes may be touched, each with fifty calls.
    for (let count = 0; count < 101 && last.status !== 429; count += 1)
      last = await call(page, 'user-20', 'GET', '/v1/reasons');
    expect(last).toMatchObject({ status: 429, headers: { 'retry-after': expect.stringMatching(/^\d+$/) } });
  });

  test('follows an order by a stream', async () => {
    const { id: orderId } = await seedOrder(service);
    const headers = { ...TRACED, authorization: `Bearer ${await mintToken(TEST_SECRET, { sub: FREELANCER })}` };
    const url = `${service.url}/v1/orders/${orderId}/events/stream`;
    await page.evaluate(
      async ([address, init]) => {
        const answer = await fetch(address as string, init as RequestInit);
        if (answer.body === null) throw new Error('no body');
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        const read = { text: '' };
        Object.assign(globalThis, { read });
        void (async () => {
          for (let part = await reader.read(); !part.done; part = await reader.read()) read.text += part.value;
        })();
      },
      [url, { headers: { ...headers, 'last-event-id': '0' } }] as unknown[],
    );
    await service.as(CLIENT).post<Order>(`/v1/orders/${orderId}/disputes`, REQUESTS.order_update);
    await page.waitForFunction('globalThis.read.text.includes("event: dispute.opened")');
  });

  test('gets nothing from an origin that is not configured', async () => {
    await expect(call(stranger, CLIENT, 'GET', '/v1/disputes')).rejects.toThrow('Failed to fetch');
  });
});
