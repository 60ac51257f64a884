import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { fastify } from 'fastify';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { ProblemError } from '../../../src/http/problems/problems.ts';
import { createConnectionErrorHandler } from '../../../src/http/server/connection-errors.ts';
import { refuseUnderPressure } from '../../../src/http/server/protection.ts';
import { faultOf } from '../../harness/api/document.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { anOrderReport, CLIENT, newOrderId, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
});

let listening: Promise<string> | undefined;

function address(): Promise<string> {
  listening ??= service.listen();
  return listening;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const put = (headers: Record<string, string>, payload: string | Buffer) =>
  service.app.inject({ method: 'PUT', url: `/v1/orders/${newOrderId()}`, headers, payload });

/** Sends bytes over a connection and reads until it is closed. */
function overSocket(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject).on('close', () => resolve(text));
  });
}

describe('an answer of the API', () => {
  test('is kept by no cache, and tells a browser to do nothing with it', async () => {
    const { headers } = await service.as(CLIENT).get('/v1/disputes');
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('access-control-allow-origin');
  });
});

test('the reference page loads nothing from elsewhere', async () => {
  const page = await service.app.inject('/docs');
  expect(page.statusCode).toBe(200);
  expect(page.headers['content-security-policy']).toContain("default-src 'self'");
  const addresses = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => address);
  expect(addresses.length).toBeGreaterThan(3);
  for (const address of addresses) expect((await service.app.inject(address)).statusCode).toBe(200);
  expect(page.body).not.toMatch(/<script>|<style>|https?:\/\//);
});

test('a process that cannot keep up refuses calls and says when to come back; machines still get their answers', async () => {
  const app = fastify();
  onCleanup(() => app.close());
  app.setErrorHandler((error) => {
    throw error instanceof ProblemError ? Object.assign(new Error(error.problem.code), { statusCode: 503 }) : error;
  });
  await refuseUnderPressure(app, 40, 50);
  app.get('/call', { config: { operationId: 'call' } }, async () => 'done');
  app.get('/healthz', async () => 'ok');
  await app.ready();
  const statusOf = async (url: string) => (await app.inject(url)).statusCode;
  expect(await statusOf('/call')).toBe(200);
  await waitFor('the event loop is found to be late', async () => {
    const until = performance.now() + 150;
    while (performance.now() < until);
    return (await statusOf('/call')) === 503 && (await statusOf('/healthz')) === 200;
  });
  await waitFor('it serves again', async () => (await statusOf('/call')) === 200);
});

describe('a body is refused', () => {
  const report = JSON.stringify(anOrderReport());
  const asOrderService = async () =>
    `Bearer ${await mintToken(TEST_SECRET, { sub: 'a-service', scope: 'orders:write' })}`;

  test.each([
    ['bytes that are no UTF-8', JSON_TYPE, Buffer.from(report).map((byte) => (byte === 0x4c ? 0xff : byte)), 400],
    ['a prototype', JSON_TYPE, `{"__proto__":{"clientId":"user-1"},${report.slice(1)}`, 400],
    ['a prototype by way of the constructor', JSON_TYPE, '{"constructor":{"prototype":{"a":1}}}', 400],
    ['a prototype further in', JSON_TYPE, '{"price":{"__proto__":{"amount":1}}}', 400],
    ['brackets in brackets, as many as fit', JSON_TYPE, '['.repeat(4_000), 400],
    ['more brackets in brackets', JSON_TYPE, '['.repeat(30_000), 413],
    ['objects in objects, as many as fit', JSON_TYPE, `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`, 400],
    ['more objects in objects', JSON_TYPE, `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 413],
    ['JSON of another kind', { 'content-type': 'application/merge-patch+json' }, report, 415],
    ['two kinds at once', { 'content-type': 'application/json, text/plain' }, report, 415],
    ['no kind at all', {}, report, 415],
  ] as const)('%s', async (_what, headers, payload, status) => {
    const answer = await put({ ...headers, authorization: await asOrderService() }, payload as string | Buffer);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(({} as Record<string, unknown>)['clientId']).toBeUndefined();
  });
});

describe('what is found by sending anything to everything', () => {
  const ask = async (method: 'GET' | 'DELETE' | 'POST', url: string, payload?: string, headers = {}) => {
    const authorization = `Bearer ${await mintToken(TEST_SECRET, { sub: 'a-service', scope: 'ops' })}`;
    const type = payload === undefined ? {} : JSON_TYPE;
    const all = { authorization, ...type, ...headers };
    const answer = await service.app.inject({ method, url, headers: all, ...(payload !== undefined && { payload }) });
    return [answer.statusCode, answer.json().code];
  };

  test('a part of the address that no route can hold is an invalid address', async () => {
    expect(await ask('GET', `/v1/orders/${'x'.repeat(1_500)}`)).toEqual([400, 'validation_failed']);
  });

  test('a body for a method that is not there is not read', async () => {
    expect(await ask('DELETE', '/v1/disputes', '{')).toEqual([405, 'method_not_allowed']);
    expect(await ask('POST', '/v1/nothing', ' '.repeat(70_000))).toEqual([404, 'not_found']);
  });

  test('a body for an operation that takes none is refused, unless it is empty', async () => {
    const path = '/v1/ops/deadlines/reconcile';
    expect(await ask('POST', path, '{"dryRun":true}')).toEqual([400, 'validation_failed']);
    expect(await ask('POST', path, '[]')).toEqual([400, 'validation_failed']);
    expect((await ask('POST', path, '{}'))[0]).toBe(200);
  });

  test('what is expected of the answer is not for callers to say', async () => {
    const answer = await overSocket(
      await address(),
      'GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('what a text says is kept in one form', () => {
  test('composed letters, line breaks of one kind, and no control or half character', async () => {
    const order = await seedOrder(service);
    const dispute = await seedDispute(service, 'cancellation', { orderId: order.id });
    const path = `/v1/disputes/${dispute.id}/comments`;
    const write = (comment: string) => service.as(CLIENT).post(path, { comment });
    expect((await write('  Cafe\u0301\r\nau lait \u{1F600} ')).status).toBe(200);
    const stored = await service.database.query<{ comment: string }>(
      'SELECT comment FROM log_entries WHERE comment IS NOT NULL ORDER BY order_version DESC LIMIT 1',
    );
    expect(stored[0]?.comment).toBe('Caf\u00e9\nau lait \u{1F600}');
    const hostile = ['\u0000', 'a\u0007', '\u001b[31mred', '\ud83d', 'a\u009f', 'a\rb', '\u0000'.repeat(100), ' \n '];
    for (const comment of hostile) expect(await write(comment)).toMatchObject({ status: 400 });
    expect((await write('x'.repeat(4_001))).status).toBe(400);
    expect((await write('\u{1F600}'.repeat(4_000))).status).toBe(200);
  });
});

describe('over a connection', () => {
  test.each([
    ['two lengths', 'POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length beside chunks',
      'POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0',
    ],
    ['no HTTP', '\u0016\u0003\u0001\u0002\u0000\u0001'],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
  ])('%s is refused with 400 and the connection ends', async (_what, bytes) => {
    const answer = await overSocket(await address(), bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  const get = (path: string, header: string) => `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${header}\r\n\r\n`;
  test.each([
    ['a token one kilobyte too long', get('/v1/disputes', `Bearer ${'x'.repeat(17 * 1024)}`)],
    ['a token of which twenty megabytes are still on their way', get('/v1/disputes', `Bearer ${'x'.repeat(20e6)}`)],
    ['an address that is too long', get(`/v1/disputes?cursor=${'x'.repeat(17 * 1024)}`, 'Bearer x')],
  ])('%s is answered 431, with the limit and an id that the log has', async (_what, bytes) => {
    const [head = '', body = ''] = (await overSocket(await address(), bytes)).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
    const problem = JSON.parse(body);
    expect(faultOf('/components/schemas/Problem', problem)).toBeNull();
    expect(problem).toMatchObject({ code: 'headers_too_large', status: 431 });
    expect(problem.detail).toContain('16384 bytes');
    expect(head).toContain(`X-Request-Id: ${problem.requestId}`);
    const lines = service.log.lines().filter(({ reqId }) => reqId === problem.requestId);
    expect(lines).toMatchObject([{ status: 431, code: 'HPE_HEADER_OVERFLOW', msg: 'refused before it was a request' }]);
  });

  test('a token of a user with two hundred groups fits', async () => {
    const groups = Array.from({ length: 200 }, () => randomUUID());
    const token = await mintToken(TEST_SECRET, { sub: CLIENT, scope: groups.join(' ') });
    const answer = await fetch(`${await address()}/v1/disputes`, { headers: { authorization: `Bearer ${token}` } });
    expect([answer.status, token.length > 9_000]).toEqual([200, true]);
  });

  test('a request that does not arrive in time is answered 408, as the code that clients repeat', async () => {
    const slow = createServer({ headersTimeout: 20, requestTimeout: 40, connectionsCheckingInterval: 10 });
    slow.on('clientError', createConnectionErrorHandler(service.app.log));
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    onCleanup(() => new Promise((resolve) => slow.close(resolve)));
    const { port } = slow.address() as AddressInfo; // it listens at a port
    const answer = await overSocket(`http://127.0.0.1:${port}`, 'GET /v1/disputes HTTP/1.1\r\nHost:');
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'request_timeout', status: 408 });
  });
});
