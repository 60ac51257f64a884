import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Client, TEST_SECRET } from '../../harness/client.ts';
import { anOrderReport, CLIENT, FREELANCER, newOrderId, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, Timeline } from '../../harness/types.ts';

let service: Service;
let orderService: Client;

beforeAll(async () => {
  service = await startService();
  orderService = service.withScopes('orders:write');
});

const JSON_TYPE = { 'content-type': 'application/json' };
const somewhere = () => `/v1/orders/${newOrderId()}`;

async function pointersFor(body: unknown, path = somewhere()): Promise<string[]> {
  const refused = await orderService.put(path, body);
  expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
  return (refused.problem.errors ?? []).map(({ pointer }) => pointer);
}

describe('a request without a good token is refused', () => {
  const key = new TextEncoder().encode(TEST_SECRET);
  const sign = (claims: Record<string, unknown>, secret = key, alg = 'HS256') =>
    new SignJWT(claims).setProtectedHeader({ alg }).sign(secret);
  const now = Math.floor(Date.now() / 1_000);
  const unsigned = ['{"alg":"none"}', `{"sub":"${CLIENT}","exp":${now + 60}}`, '']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');

  test.each<[string, () => Promise<string | null>]>([
    ['none', async () => null],
    ['another scheme', async () => 'Basic dXNlci03Og=='],
    ['no JWT', async () => 'Bearer user-7'],
    ['an expired one', async () => `Bearer ${await sign({ sub: CLIENT, exp: now - 10 })}`],
    ['one that never expires', async () => `Bearer ${await sign({ sub: CLIENT })}`],
    ['one that is not valid yet', async () => `Bearer ${await sign({ sub: CLIENT, exp: now + 90, nbf: now + 60 })}`],
    ['one without a subject', async () => `Bearer ${await sign({ exp: now + 60 })}`],
    ['one of an impossible user', async () => `Bearer ${await sign({ sub: 'user 7', exp: now + 60 })}`],
    ['an unsigned one', async () => `Bearer ${unsigned}`],
    [
      "another's signature",
      async () => `Bearer ${await sign({ sub: CLIENT, exp: now + 60 }, new TextEncoder().encode('x'.repeat(40)))}`,
    ],
    ['another algorithm', async () => `Bearer ${await sign({ sub: CLIENT, exp: now + 60 }, key, 'HS384')}`],
  ])('with 401: %s', async (_what, authorization) => {
    const refused = await service.withAuthorization(await authorization()).get(somewhere());
    expect(refused).toMatchObject({ status: 401, code: 'unauthenticated' });
    const wasSent = (await authorization())?.startsWith('Bearer') ?? false;
    const challenge = expect.stringMatching(/^Bearer error="invalid_token", error_description="[^"]+"$/);
    expect(refused.headers['www-authenticate']).toEqual(wasSent ? challenge : 'Bearer');
  });

  test('before anything else about it is looked at', async () => {
    const anonymous = service.withAuthorization(null);
    expect((await anonymous.send('PUT', somewhere(), { 'content-type': 'text/plain' }, 'x')).status).toBe(401);
    expect((await anonymous.send('PUT', somewhere(), JSON_TYPE, '{')).status).toBe(401);
  });
});

describe('what is wrong with the input is said with 400', () => {
  test('all of it at once, each with a pointer', async () => {
    const report = { ...anOrderReport({ revision: -1 }), price: { amount: 1.5, currency: 'usd' }, 'a/b~c': 1 };
    const pointers = await pointersFor(report);
    expect(new Set(pointers)).toEqual(new Set(['/a~1b~0c', '/price/amount', '/price/currency', '/revision']));
  });

  test.each([
    ['an unknown status', { status: 'in_dispute' }, ['/status']],
    ['a date that is none', { deliverBy: '2031-02-30T00:00:00Z' }, ['/deliverBy']],
    ['a date without a zone', { deliverBy: '2031-02-03T00:00:00' }, ['/deliverBy']],
    ['one person in both roles', { freelancerId: CLIENT }, ['/freelancerId']],
    ['a control character', { title: 'a\u0000b' }, ['/title']],
    ['half a surrogate pair', { title: '\ud800' }, ['/title']],
    ['a blank title', { title: '  ' }, ['/title']],
    ['a revision beyond what numbers can count', { revision: 2 ** 53 }, ['/revision']],
  ] as const)('%s', async (_what, over, pointers) => {
    expect(await pointersFor(anOrderReport(over as object))).toEqual(pointers);
  });

  test('in the path and in the query, too', async () => {
    expect(await pointersFor(anOrderReport(), '/v1/orders/a%20b')).toEqual(['/path/orderId']);
    expect(await pointersFor(anOrderReport(), `${somewhere()}?dryRun=1`)).toEqual(['/query/dryRun']);
    expect(await pointersFor(anOrderReport(), `/v1/orders/${'x'.repeat(129)}`)).toEqual(['/path/orderId']);
  });

  test.each([['null'], ['[]'], ['"text"'], ['1'], ['']])('a body that is no object: %s', async (payload) => {
    const refused = await orderService.send('PUT', somewhere(), JSON_TYPE, payload);
    expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
  });

  test.each([['{"a":'], ['{} {}'], ['{"__proto__":{"a":1}}'], ['\u0000']])('no JSON at all: %j', async (payload) => {
    const refused = await orderService.send('PUT', somewhere(), JSON_TYPE, payload);
    expect(refused).toMatchObject({ status: 400, code: 'malformed_json' });
  });

  test('an address that cannot be decoded', async () => {
    const { statusCode, json } = await service.app.inject({ method: 'GET', url: '/v1/orders/%E0%A4%A' });
    expect([statusCode, json().code]).toEqual([400, 'validation_failed']);
  });
});

describe('the wrapping of a request is refused', () => {
  test('with 405 for a method that an address does not have, and Allow says which it has', async () => {
    const refused = await orderService.delete(somewhere());
    expect(refused).toMatchObject({ status: 405, code: 'method_not_allowed' });
    expect(refused.headers['allow']?.split(', ').sort()).toEqual(['GET', 'HEAD', 'PUT']);
  });

  test.each([
    ['POST', '/healthz', 'GET, HEAD'],
    ['POST', '/openapi.json', 'GET, HEAD'],
    ['POST', '/v1/texts', 'GET, HEAD'],
    ['PUT', '/v1/events/stream', 'GET, HEAD'],
    ['POST', '/v1/disputes/summary', 'GET, HEAD'],
    ['POST', '/v1/disputes/0198c0de-0000-7000-8000-000000000000', 'GET, HEAD'],
    ['GET', '/v1/disputes/0198c0de-0000-7000-8000-000000000000/accept', 'POST'],
  ])('with 405 for %s %s, whose methods are each named once', async (method, path, methods) => {
    const refused = await orderService.send(method, path, {});
    const detail = `The methods of this address are ${methods}.`;
    expect(refused).toMatchObject({ status: 405, headers: { allow: methods }, problem: { detail } });
  });

  test.each([
    ['POST', '/docs'],
    ['DELETE', '/docs/json'],
    ['PUT', '/'],
  ] as const)('with 405 for %s %s, which is a page and not in the document', async (method, url) => {
    const refused = await service.app.inject({ method, url });
    expect([refused.statusCode, refused.json().code]).toEqual([405, 'method_not_allowed']);
    expect(refused.headers['allow']).toBe('GET, HEAD');
  });

  test('with 404 for an address that does not exist', async () => {
    expect(await orderService.get('/v1/nothing')).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('with 406 for a caller that takes no JSON', async () => {
    const user = service.as(CLIENT);
    const refused = await user.get(somewhere(), { accept: 'text/html' });
    expect(refused).toMatchObject({ status: 406, code: 'not_acceptable' });
    expect((await user.get(somewhere(), { accept: 'text/html, */*;q=0.1' })).status).toBe(404);
  });

  test('with 413 for a body that is longer than any good one can be', async () => {
    const refused = await orderService.put(somewhere(), { ...anOrderReport(), title: 'x'.repeat(64 * 1024) });
    expect(refused).toMatchObject({ status: 413, code: 'payload_too_large' });
    expect(refused.problem.detail).toMatch(/^The body may have at most \d+ bytes here\.$/);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'json'])(
    'with 415 for a body that says it is %s',
    async (type) => {
      const payload = JSON.stringify(anOrderReport());
      const refused = await orderService.send('PUT', somewhere(), { 'content-type': type }, payload);
      expect(refused).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    },
  );
});

describe('the id of a request', () => {
  test('is our own in header, problem and cause; the caller’s, which may say anything, is only logged', async () => {
    const mine = await service.as(CLIENT).get(somewhere(), { 'x-request-id': 'call.me.back' });
    expect(mine.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(mine.problem.requestId).toBe(mine.headers['x-request-id']);
    const order = await seedOrder(service);
    const path = `/v1/orders/${order.id}/disputes`;
    const opened = await service
      .as(CLIENT)
      .post<Dispute>(path, { type: 'order_update' }, { 'x-request-id': 'write.to.me' });
    const seen = await service.as(FREELANCER).get<Timeline>(`/v1/disputes/${opened.body.id}/timeline`);
    expect(seen.body.data[0]?.cause).toBe(`request:${opened.headers['x-request-id']}`);
    const lines = service.log.lines().filter(({ callerRequestId }) => callerRequestId === 'write.to.me');
    expect(lines).toMatchObject([{ reqId: opened.headers['x-request-id'], operationId: 'openDispute' }]);
    await service.as(CLIENT).get(somewhere(), { 'x-request-id': 'not good' });
    expect(service.log.text()).not.toContain('not good');
  });
});
