import { beforeAll, describe, expect, test } from 'vitest';
import type { Headers } from '../../harness/client.ts';
import { startProxy } from '../../harness/programs/proxy.ts';
import { CLIENT } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

const ORIGIN = 'https://shop.example';
const CORS_ORIGINS = `${ORIGIN}, https://app.example`;

let service: Service;
beforeAll(async () => {
  service = await startService({ env: { CORS_ORIGINS, RATE_LIMIT_PER_MINUTE: '60' } });
});

const preflight = (target: Service, url: string, headers: Headers) =>
  target.app.inject({ method: 'OPTIONS', url, headers: { 'access-control-request-method': 'POST', ...headers } });

describe('a preflight', () => {
  test('is refused where no origin is configured, and no answer has a CORS header', async () => {
    const closed = await startService();
    expect((await preflight(closed, '/v1/disputes', { origin: ORIGIN })).statusCode).toBe(405);
    const { headers } = await closed.as(CLIENT).get('/v1/disputes', { origin: ORIGIN });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test.each([
    ['tracing libraries add', 'traceparent, tracestate, baggage, sentry-trace, x-b3-traceid, x-datadog-trace-id'],
    ['the API takes', 'authorization, content-type, if-match, if-none-match, idempotency-key, last-event-id'],
    ['clients add', 'cache-control, pragma, x-request-id, x-requested-with, accept-language'],
  ])('allows the headers that %s', async (_who, wanted) => {
    const { statusCode, headers } = await preflight(service, '/v1/disputes', {
      origin: ORIGIN,
      'access-control-request-headers': wanted,
    });
    expect(statusCode).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-headers': wanted,
      'access-control-allow-methods': 'GET, HEAD, PUT, POST, PATCH, DELETE',
      'access-control-max-age': '7200',
    });
    // Caches in between must not give one origin's answer, or one set of headers, to another.
    expect(headers['vary']).toBe('Origin, Access-Control-Request-Headers');
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
  });

  test('allows nothing to an origin that is not configured', async () => {
    for (const origin of ['https://evil.example', 'http://shop.example', 'https://shop.example.evil.example', 'null']) {
      const { headers } = await preflight(service, '/v1/disputes', { origin });
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  test('needs no token and does not count against the rate limit', async () => {
    const other = await startService({ env: { CORS_ORIGINS, RATE_LIMIT_PER_MINUTE: '1' } });
    const statuses = [];
    for (let count = 0; count < 5; count += 1) {
      statuses.push((await preflight(other, '/v1/disputes', { origin: ORIGIN })).statusCode);
    }
    expect(statuses).toEqual([204, 204, 204, 204, 204]);
  });
});

describe('a page of an allowed origin can read', () => {
  const exposed = {
    'access-control-allow-origin': ORIGIN,
    'access-control-expose-headers':
      'Allow, ETag, Idempotency-Replayed, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, ' +
      'Retry-After, WWW-Authenticate, X-Request-Id',
  };
  const asClient = (method: string, path: string, payload?: string, headers: Headers = {}) =>
    service.as(CLIENT).send(method, path, { origin: ORIGIN, ...headers }, payload);
  const json = { 'content-type': 'application/json' };

  test.each([
    ['a success', 200, () => asClient('GET', '/v1/disputes')],
    ['400 for a body', 400, () => asClient('POST', '/v1/orders/x/disputes', '{', json)],
    ['401', 401, () => service.withAuthorization(null).get('/v1/disputes', { origin: ORIGIN })],
    ['403', 403, () => asClient('GET', '/v1/events')],
    ['404 for a resource', 404, () => asClient('GET', '/v1/orders/nothing')],
    ['404 for an address', 404, () => asClient('GET', '/v1/nothing')],
    ['405', 405, () => asClient('DELETE', '/v1/disputes')],
    ['406', 406, () => asClient('GET', '/v1/disputes', undefined, { accept: 'image/png' })],
    ['413', 413, () => asClient('POST', '/v1/orders/x/disputes', `"${'x'.repeat(2_000_000)}"`, json)],
    ['415', 415, () => asClient('POST', '/v1/orders/x/disputes', 'x', { 'content-type': 'text/plain' })],
  ])('%s', async (_what, status, send) => {
    const answer = await send();
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject(exposed);
  });

  test.each([
    ['an address that is no URL', '/v1/orders/%zz'],
    ['a part of an address that is too long', `/v1/orders/${'x'.repeat(1_500)}`],
  ])('400 for %s, which has all other headers, too', async (_what, url) => {
    const answer = await service.app.inject({ url, headers: { origin: ORIGIN } });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers).toMatchObject({
      ...exposed,
      vary: 'Origin, accept-language',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['x-request-id']).toBe(answer.json().requestId);
    const other = await service.app.inject({ url, headers: { origin: 'https://evil.example' } });
    expect(other.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('429', async () => {
    const other = await startService({ env: { CORS_ORIGINS, RATE_LIMIT_PER_MINUTE: '1' } });
    const ask = () => other.as(CLIENT).get('/v1/reasons', { origin: ORIGIN });
    // A minute may end between two of them.
    const answers = [await ask(), await ask(), await ask()];
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(headers).toMatchObject(exposed);
  });

  test('503', async () => {
    const { database } = service;
    const postgres = await startProxy(database.url);
    const away = await startService({ env: { CORS_ORIGINS }, database, databaseUrl: postgres.url });
    await away.as(CLIENT).get('/v1/disputes');
    postgres.cut();
    const answer = await away.as(CLIENT).get('/v1/disputes', { origin: ORIGIN });
    expect(answer.status).toBe(503);
    expect(answer.headers).toMatchObject({ ...exposed, 'retry-after': expect.any(String) });
  });
});
