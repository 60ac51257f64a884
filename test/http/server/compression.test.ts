import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { CLIENT, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

let service: Service;
let authorization: string;
let orderId: string;
let id: string;
beforeAll(async () => {
  service = await startService();
  authorization = `Bearer ${await mintToken(TEST_SECRET, { sub: CLIENT })}`;
  for (let n = 0; n < 3; n += 1) await seedDispute(service, 'cancellation');
  ({ id, orderId } = await seedDispute(service, 'cancellation'));
});

type Method = 'GET' | 'HEAD' | 'POST';

function ask(url: string, encoding: string | null = 'gzip', method: Method = 'GET', headers = {}) {
  const accepted = encoding === null ? {} : { 'accept-encoding': encoding };
  return service.app.inject({ method, url, headers: { authorization, ...accepted, ...headers } });
}

describe('a list is compressed', () => {
  test('where the caller takes gzip, and caches are told so', async () => {
    const { headers, rawPayload } = await ask('/v1/disputes');
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    const { data } = JSON.parse(gunzipSync(rawPayload).toString());
    expect(data).toHaveLength(4);
    expect(rawPayload.length).toBeLessThan(JSON.stringify(data).length / 3);
  });

  test.each([null, 'identity', 'br', 'gzip;q=0', ''])('and is not where it does not: %j', async (encoding) => {
    const { headers, payload } = await ask('/v1/disputes', encoding);
    expect(headers['content-encoding']).toBeUndefined();
    expect(JSON.parse(payload).data).toHaveLength(4);
  });

  test('and HEAD says as much, without a body', async () => {
    const { statusCode, payload } = await ask('/v1/disputes', 'gzip', 'HEAD');
    expect([statusCode, payload]).toEqual([200, '']);
  });
});

describe('left as it is', () => {
  test('is what has an entity tag, what is short, and what is not read', async () => {
    const calls: (readonly [string, Method?])[] = [
      [`/v1/disputes/${id}`],
      [`/v1/orders/${orderId}`],
      [`/v1/orders/${orderId}/resolution-center`],
      [`/v1/disputes/${id}/timeline`],
      ['/v1/disputes?limit=0'],
      [`/v1/disputes/${id}/withdraw`, 'POST'],
    ];
    for (const [url, method] of calls) {
      expect([url, (await ask(url, 'gzip', method)).headers['content-encoding']]).toEqual([url, undefined]);
    }
  });

  test('is a stream, whose messages come at once', async () => {
    const { id: order } = await seedOrder(service);
    const url = `${await service.listen()}/v1/orders/${order}/events/stream`;
    const response = await fetch(url, { headers: { authorization, 'accept-encoding': 'gzip' } });
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    await response.body?.cancel();
  });
});

describe('the document', () => {
  test('comes compressed where that is taken, with a tag of its own, and 304 for either tag', async () => {
    const plain = await ask('/openapi.json', null);
    const gzipped = await ask('/openapi.json');
    expect(gunzipSync(gzipped.rawPayload).toString()).toBe(plain.payload);
    expect(gzipped.rawPayload.length).toBeLessThan(plain.payload.length / 5);
    expect(gzipped.headers['etag']).toBe(String(plain.headers['etag']).replace(/"$/, '-gzip"'));
    for (const { headers } of [plain, gzipped]) {
      expect(headers).toMatchObject({ 'cache-control': 'no-cache', vary: 'accept-encoding' });
      for (const encoding of [null, 'gzip']) {
        const again = await ask('/openapi.json', encoding, 'GET', { 'if-none-match': headers['etag'] });
        expect([again.statusCode, again.payload, again.headers['content-type']]).toEqual([304, '', undefined]);
      }
    }
  });

  test('comes whole where the caller has another, or says nonsense', async () => {
    for (const tag of ['"x"', 'x', '']) {
      expect((await ask('/openapi.json', null, 'GET', { 'if-none-match': tag })).statusCode).toBe(200);
    }
  });

  test('and the page made from it are answered 304, too', async () => {
    for (const path of ['/docs/static/swagger-ui-bundle.js', '/docs/static/swagger-ui.css']) {
      const { headers, statusCode } = await ask(path, null);
      expect([path, statusCode]).toEqual([path, 200]);
      const again = await ask(path, null, 'GET', { 'if-none-match': headers['etag'] });
      expect([path, again.statusCode]).toEqual([path, 304]);
    }
  });
});
