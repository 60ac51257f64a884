import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { anOrderReport, CLIENT, FREELANCER, newOrderId, seedDispute, seedOrder } from '../../harness/seed.ts';

// What the HTTP clients of other languages send, over a socket to the service as it is built.

let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess({ role: 'api' });
});

interface Raw {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as they are; several are sent in chunks. */
  readonly body?: readonly (string | Buffer)[];
  readonly sub?: string;
  readonly scope?: string;
}

interface RawReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: Record<string, unknown>;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** Sends a request as no client library would put it right. */
async function raw({ method = 'POST', path, headers = {}, body = [], sub = CLIENT, scope }: Raw): Promise<RawReply> {
  const token = await mintToken(TEST_SECRET, { sub, scope });
  const { hostname, port } = new URL(service.url);
  const [only] = body;
  const length = body.length === 1 && only !== undefined ? { 'content-length': Buffer.byteLength(only) } : {};
  const options = {
    hostname,
    port,
    method,
    path,
    headers: { authorization: `Bearer ${token}`, ...length, ...headers },
  };
  return await new Promise((resolve, reject) => {
    const sent = httpRequest(options, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const json = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown>;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, json });
    });
    sent.on('error', reject);
    const write = () => {
      for (const part of body) sent.write(part);
      sent.end();
    };
    if ('expect' in headers) sent.once('continue', write);
    else write();
  });
}

const said = ({ status, json }: RawReply) => (status < 400 ? status : `${status} ${json['code']}`);

/** Opens a dispute on a new order with exactly this body. */
async function open(body: Raw['body'], headers: Raw['headers'] = JSON_TYPE): Promise<RawReply> {
  const { id } = await seedOrder(service);
  return await raw({ path: `/v1/orders/${id}/disputes`, headers, ...(body !== undefined && { body }) });
}

const UPDATE = '{"type":"order_update"}';

describe('a body is taken', () => {
  test.each<[string, Record<string, string>]>([
    ['in capitals, with a charset', { 'content-type': 'APPLICATION/JSON; CHARSET=UTF-8' }],
    ['with a charset in quotes', { 'content-type': 'application/json;charset="utf-8"' }],
    ['with a charset without a hyphen', { 'content-type': 'application/json; charset=utf8' }],
    ['of no other encoding', { 'content-type': 'application/json', 'content-encoding': 'identity' }],
    ['after the server has agreed', { 'content-type': 'application/json', expect: '100-continue' }],
  ])('that is declared %s', async (_what, headers) => {
    expect(said(await open([UPDATE], headers))).toBe(201);
  });

  test.each<[string, (string | Buffer)[]]>([
    ['in chunks', ['{"type":', '"order_', 'update"}']],
    ['with a byte order mark', [`\ufeff${UPDATE}`]],
    ['with white space', [`\n\t { "type" : "order_update" }\r\n`]],
    ['with escapes', ['{"\\u0074ype":"\\u006frder_update"}']],
    ['with null for what is left out', ['{"type":"order_update","reason":null,"comment":null,"change":null}']],
  ])('that comes %s', async (_what, body) => {
    expect(said(await open(body))).toBe(201);
  });

  test.each<[string, string, Record<string, string>, string[]]>([
    ['no body', 'no type', {}, []],
    ['no body', 'the type of JSON', JSON_TYPE, []],
    ['an empty body', 'the type of a form', { 'content-type': 'application/x-www-form-urlencoded' }, ['']],
    ['an empty body in chunks', 'the type of JSON', { ...JSON_TYPE, 'transfer-encoding': 'chunked' }, []],
    ['null', 'the type of JSON', JSON_TYPE, ['null']],
    ['an empty object', 'the type of JSON', JSON_TYPE, ['{}']],
    ['a comment of null', 'the type of JSON', JSON_TYPE, ['{"comment":null}']],
  ])('by an answer without a comment: %s with %s', async (_what, _type, headers, body) => {
    const { id } = await seedDispute(service, 'cancellation');
    expect(said(await raw({ path: `/v1/disputes/${id}/accept`, headers, body, sub: FREELANCER }))).toBe(200);
  });

  test('by an operation that takes none, where it is empty', async () => {
    const path = '/v1/ops/deadlines/reconcile';
    for (const body of [[], [''], ['{}'], ['null']]) {
      expect(said(await raw({ path, headers: JSON_TYPE, body, scope: 'ops' }))).toBe(200);
    }
    const stray = await raw({ path, headers: JSON_TYPE, body: ['{"a":1}'], scope: 'ops' });
    expect(stray.json).toMatchObject({ status: 400, errors: [{ pointer: '', code: 'unknown' }] });
  });
});

describe('a body is refused by name', () => {
  test.each<[string, string | Buffer, Record<string, string>]>([
    ['compressed', gzipSync(UPDATE), { 'content-encoding': 'gzip' }],
    ['compressed twice', gzipSync(UPDATE), { 'content-encoding': 'identity, br' }],
  ])('where it is %s, with what is accepted', async (_what, body, headers) => {
    const refused = await open([body], { ...JSON_TYPE, ...headers });
    expect([said(refused), refused.headers['accept-encoding']]).toEqual(['415 unsupported_media_type', 'identity']);
  });

  test.each([
    ['application/json; charset=utf-16', '415 unsupported_media_type'],
    ['application/json; charset=iso-8859-1', '415 unsupported_media_type'],
    ['text/json', '415 unsupported_media_type'],
    ['application/x-www-form-urlencoded', '415 unsupported_media_type'],
  ])('where it is declared %s', async (type, expected) => {
    expect(said(await open([UPDATE], { 'content-type': type }))).toBe(expected);
  });

  test.each([
    ['a member comes twice', '{"type":"order_update","type":"cancellation"}'],
    ['a member comes twice, once with an escape', '{"comment":"a","\\u0063omment":"b","type":"order_update"}'],
    ['there is something behind it', `${UPDATE}{}`],
    ['it has a comma too many', '{"type":"order_update",}'],
    ['it is not UTF-8', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('where %s', async (_what, body) => {
    expect(said(await open([body]))).toBe('400 malformed_json');
  });

  test('where it is a body of null that may not be left out', async () => {
    expect((await open(['null'])).json).toMatchObject({ status: 400, errors: [{ pointer: '', code: 'required' }] });
  });
});

describe('a number', () => {
  const report = (revision: string) =>
    JSON.stringify(anOrderReport()).replace('"revision":1', `"revision":${revision}`);
  const put = (body: string) =>
    raw({ method: 'PUT', path: `/v1/orders/${newOrderId()}`, headers: JSON_TYPE, body: [body], scope: 'orders:write' });

  test.each([
    ['1500.0', 1_500],
    ['1.5e3', 1_500],
    ['-0', 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('is its value, however it is written: %s', async (written, value) => {
    const { status, json } = await put(report(written));
    expect([status, json['revision']]).toEqual([201, value]);
  });

  test.each(['9007199254740992', '9007199254740993', '1e400', '1500.5', '"1500"', 'true'])(
    'is refused rather than rounded or guessed: %s',
    async (written) => {
      expect((await put(report(written))).json).toMatchObject({ status: 400, errors: [{ pointer: '/revision' }] });
    },
  );
});

describe('an answer comes', () => {
  test.each([
    '*/*',
    'application/*',
    'application/problem+json',
    'application/problem+json, application/json',
    'APPLICATION/JSON; charset=UTF-8',
    'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
    'application/json, text/plain, */*',
  ])('to a caller that accepts %s', async (accept) => {
    const { id } = await seedOrder(service);
    const answer = await raw({ method: 'GET', path: `/v1/orders/${id}`, headers: { accept } });
    expect(said(answer)).toBe(200);
  });
});

describe('an address', () => {
  test('means the same with letters percent-encoded, and an id with upper-case digits', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const encoded = [...orderId].map((char) => `%${char.charCodeAt(0).toString(16)}`).join('');
    expect((await raw({ method: 'GET', path: `/v1/orders/${encoded}` })).json['id']).toBe(orderId);
    expect((await raw({ method: 'GET', path: `/v1/disputes/${id.toUpperCase()}` })).json['id']).toBe(id);
  });

  test.each(['{id}', 'urn:uuid:id', 'id without hyphens'])('has its id in no other form: %s', async (form) => {
    const { id } = await seedDispute(service, 'cancellation');
    const written = form === 'id without hyphens' ? id.replaceAll('-', '') : form.replace('id', id);
    const { json } = await raw({ method: 'GET', path: `/v1/disputes/${encodeURIComponent(written)}` });
    expect(json).toMatchObject({ status: 400, errors: [{ pointer: '/path/id', code: 'invalid_format' }] });
  });

  test('has no slash at its end, and the refusal says so', async () => {
    const { json } = await raw({ method: 'GET', path: '/v1/disputes/' });
    expect(json).toMatchObject({ code: 'not_found', detail: expect.stringContaining('slash at the end') });
  });

  test.each(['.', '..', '%2e', '%2E%2e'])('has no order id that stands for another address: %s', async (id) => {
    const body = [JSON.stringify(anOrderReport())];
    const put = await raw({ method: 'PUT', path: `/v1/orders/${id}`, headers: JSON_TYPE, body, scope: 'orders:write' });
    expect(put.json).toMatchObject({ status: 400, errors: [{ pointer: '/path/orderId', code: 'invalid_format' }] });
  });
});

describe('a query parameter', () => {
  test.each([
    ['limit=', '/query/limit', 'blank'],
    ['limit', '/query/limit', 'blank'],
    ['cursor=', '/query/cursor', 'blank'],
    ['status=', '/query/status', 'blank'],
    ['orderId=', '/query/orderId', 'blank'],
    ['limit=1&limit=1', '/query/limit', 'invalid_format'],
    ['status=open&status=resolved', '/query/status', 'invalid_format'],
    ['sort=openedAt&sort=', '/query/sort', 'invalid_format'],
    ['limit=0x10', '/query/limit', 'invalid_type'],
    ['limit=1e1', '/query/limit', 'invalid_type'],
    ['limit=+5', '/query/limit', 'invalid_type'],
    ['limit=%2B5', '/query/limit', 'invalid_type'],
    ['limit=5%20', '/query/limit', 'invalid_type'],
    ['limit=5.0', '/query/limit', 'invalid_type'],
    ['limit=-1', '/query/limit', 'invalid_type'],
    ['limit=%D9%A5', '/query/limit', 'invalid_type'],
    ['limit=0', '/query/limit', 'too_small'],
    ['limit=101', '/query/limit', 'too_big'],
    ['limit=99999999999999999999', '/query/limit', 'too_big'],
    ['status=open,', '/query/status/1', 'not_one_of'],
    ['status=open,%20resolved', '/query/status/1', 'not_one_of'],
    ['Status=open', '/query/Status', 'unknown'],
    ['status[]=open', '/query', 'unknown'],
  ])('is refused with a pointer and a code: %s', async (query, pointer, code) => {
    const { json } = await raw({ method: 'GET', path: `/v1/disputes?${query}` });
    expect(json).toMatchObject({ code: 'validation_failed', errors: [{ pointer, code }] });
  });

  test('is refused empty by the feed and by statistics, too', async () => {
    for (const [path, scope] of [
      ['/v1/events?after=', 'events:read'],
      ['/v1/events?types=', 'events:read'],
      ['/v1/events?after=0&after=5', 'events:read'],
      ['/v1/stats?from=', 'disputes:read'],
      ['/v1/ops/deadlines?limit=', 'ops'],
      ['/v1/webhook-endpoints?cursor=', 'webhooks:manage'],
    ] as const) {
      expect([path, said(await raw({ method: 'GET', path, scope }))]).toEqual([path, '400 validation_failed']);
    }
  });

  test('that is an instant with its plus sign unescaped is refused with advice', async () => {
    for (const name of ['updatedAfter', 'respondByBefore']) {
      const { json } = await raw({ method: 'GET', path: `/v1/disputes?${name}=2026-12-01T18:00:00+01:00` });
      expect(json['errors']).toEqual([
        {
          pointer: `/query/${name}`,
          code: 'invalid_format',
          message: 'Write the plus sign of the offset as %2B: in a query a plain + stands for a space.',
        },
      ]);
    }
    const escaped = await raw({ method: 'GET', path: '/v1/disputes?updatedAfter=2026-12-01t18:00:00%2B01:00' });
    expect(escaped.status).toBe(200);
  });
});
