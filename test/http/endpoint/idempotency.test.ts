import { beforeAll, describe, expect, test } from 'vitest';
import { document } from '../../harness/api/document.ts';
import type { Client, Headers } from '../../harness/client.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { SANDBOX } from '../../harness/test-clocks.ts';
import type { Dispute } from '../../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({ env: SANDBOX });
});

let count = 0;
const newKey = (): Headers => {
  count += 1;
  return { 'idempotency-key': `key-${count}` };
};

interface Ready {
  readonly caller: Client;
  readonly path: string;
  readonly body: object;
  /** The same with something else in it. */
  readonly other: object;
}

const SAYS = { comment: 'So be it.' };
const SAYS_ELSE = { comment: 'So be it, then.' };

async function onDispute(type: 'order_update' | 'cancellation', sub: string, action: string): Promise<Ready> {
  const { id } = await seedDispute(service, type);
  return { caller: service.as(sub), path: `/v1/disputes/${id}/${action}`, body: SAYS, other: SAYS_ELSE };
}

const ops = (path: string, body: object, other: object): Ready => ({
  caller: service.withScopes('ops'),
  path,
  body,
  other,
});

const clocks = (suffix: string, body: object, other: object): Ready => ({
  caller: service.withScopes('test:clocks'),
  path: `/v1/test-clocks${suffix}`,
  body,
  other,
});

async function onEndpoint(suffix: string, body: object, other: object): Promise<Ready> {
  const caller = service.withScopes('webhooks:manage');
  const endpoint = await caller.post<{ id: string }>('/v1/webhook-endpoints', { url: 'https://mail.example/hooks' });
  return { caller, path: `/v1/webhook-endpoints/${endpoint.body.id}${suffix}`, body, other };
}

/** Each POST that there is, ready to be sent. */
const POSTS: Readonly<Record<string, () => Promise<Ready>>> = {
  openDispute: async () => {
    const path = `/v1/orders/${(await seedOrder(service)).id}/disputes`;
    const body = { type: 'cancellation', ...SAYS };
    return { caller: service.as(CLIENT), path, body, other: { type: 'order_update' } };
  },
  acceptDispute: () => onDispute('cancellation', FREELANCER, 'accept'),
  declineDispute: () => onDispute('cancellation', FREELANCER, 'decline'),
  provideUpdate: () => onDispute('order_update', FREELANCER, 'provide-update'),
  withdrawDispute: () => onDispute('cancellation', CLIENT, 'withdraw'),
  addComment: () => onDispute('cancellation', CLIENT, 'comments'),
  markDisputeSeen: async () => ({ ...(await onDispute('cancellation', FREELANCER, 'seen')), body: {}, other: {} }),
  recordNotice: async () => {
    const { path } = await onDispute('cancellation', FREELANCER, 'notices');
    const body = { role: 'freelancer', channel: 'email', deliveredAt: new Date().toISOString() };
    return { caller: service.withScopes('notices:write'), path, body, other: { ...body, channel: 'push' } };
  },
  createTestClock: async () => clocks('', { name: 'one' }, { name: 'another' }),
  advanceTestClock: async () => {
    const { body } = await service.withScopes('test:clocks').post<{ id: string }>('/v1/test-clocks', {});
    return clocks(`/${body.id}/advance`, { by: 'PT1H' }, { by: 'PT2H' });
  },
  createHold: async () =>
    ops('/v1/ops/holds', { note: 'Mail is down.', orderIds: ['x'] }, { note: 'Mail.', orderIds: ['x'] }),
  eraseComments: async () => ops('/v1/ops/erasures', { userId: 'user-1' }, { userId: 'user-2' }),
  reconcileDeadlines: async () => ops('/v1/ops/deadlines/reconcile', {}, {}),
  createWebhookEndpoint: async () => ({
    caller: service.withScopes('webhooks:manage'),
    path: '/v1/webhook-endpoints',
    body: { url: 'https://mail.example/hooks' },
    other: { url: 'https://mail.example/other' },
  }),
  rotateWebhookSecret: () => onEndpoint('/rotate-secret', {}, { keepPreviousFor: 'PT1H' }),
  replayWebhookEvents: async () => {
    await seedDispute(service, 'cancellation');
    // Reading the feed gives positions to what was committed: a replay from behind the end is refused.
    await service.withScopes('events:read').get('/v1/events');
    return await onEndpoint('/replay', { after: 1 }, { after: 0 });
  },
  testWebhookEndpoint: () => onEndpoint('/test', {}, {}),
  redeliverWebhook: async () => {
    const { caller, path } = await onEndpoint('/test', {}, {});
    const { body } = await caller.post<{ id: string }>(path);
    return { caller, path: `/v1/webhook-deliveries/${body.id}/redeliver`, body: {}, other: {} };
  },
};

const posts = Object.values(document.paths).flatMap(({ post }) => post?.operationId ?? []);
const cells = Object.entries(POSTS);

test('every POST of the document is among these', () => {
  expect(new Set(posts)).toEqual(new Set(Object.keys(POSTS)));
});

describe('every POST takes a key', () => {
  test.each(cells)('%s answers the same request again, byte by byte, and does it once', async (_operation, prepare) => {
    const { caller, path, body } = await prepare();
    const key = newKey();
    const first = await caller.post(path, body, key);
    const again = await caller.post(path, body, key);
    expect(first.status).toBeLessThan(300);
    expect(first.headers['idempotency-replayed']).toBeUndefined();
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    for (const name of ['content-type', 'location', 'etag']) expect(again.headers[name]).toBe(first.headers[name]);
  });

  // With no body to differ in, a request is the same or goes elsewhere.
  test.each(
    cells.filter(
      ([operation]) =>
        !['reconcileDeadlines', 'testWebhookEndpoint', 'redeliverWebhook', 'markDisputeSeen'].includes(operation),
    ),
  )('%s refuses the key of another request, and does nothing', async (_operation, prepare) => {
    const { caller, path, body, other } = await prepare();
    const key = newKey();
    const first = await caller.post(path, body, key);
    const rows =
      'SELECT (SELECT count(*) FROM log_entries) + (SELECT count(*) FROM holds) + (SELECT count(*) FROM erasures)' +
      ' + (SELECT count(*) FROM webhook_endpoints) AS n';
    const before = await service.database.query(rows);
    const reused = await caller.post(path, other, key);
    expect(reused).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    expect(await service.database.query(rows)).toEqual(before);
    expect((await caller.post(path, body, key)).text).toBe(first.text);
  });

  test.each(cells)('%s refuses what is no key', async (_operation, prepare) => {
    const { caller, path, body } = await prepare();
    for (const key of ['', 'k'.repeat(256), 'schlüssel', 'a\tb']) {
      const refused = await caller.post(path, body, { 'idempotency-key': key });
      expect(refused).toMatchObject({ status: 400, problem: { errors: [{ pointer: '/header/idempotency-key' }] } });
    }
    const longest = `${newKey()['idempotency-key']} !"#$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`.padEnd(255, 'k');
    expect((await caller.post(path, body, { 'idempotency-key': longest })).status).toBeLessThan(300);
  });
});

describe('two requests are the same', () => {
  const JSON_TYPE = { 'content-type': 'application/json' };
  const change = (price: string, rest = '') =>
    `{"type":"order_change","change":{"extras":[{"title":"Files","price":${price}}]${rest}}}`;
  const FIRST = change('{"amount":1500,"currency":"USD"}');

  test.each([
    [
      'members in another order',
      '{"change":{"extras":[{"price":{"currency":"USD","amount":1500},"title":"Files"}]},"type":"order_change"}',
    ],
    ['escapes', FIRST.replace('Files', '\\u0046iles').replace('"type"', '"\\u0074ype"')],
    ['white space', JSON.stringify(JSON.parse(FIRST), null, 4)],
    ['white space around a text', FIRST.replace('Files', ' Files  ')],
    ['a number with a fraction of zero', change('{"amount":1500.0,"currency":"USD"}')],
    ['an exponent', change('{"amount":15e2,"currency":"USD"}')],
    ['null for what is left out', change('{"amount":1500,"currency":"USD"}', ',"deliverBy":null')],
  ])('with %s', async (_what, again) => {
    const { id } = await seedOrder(service);
    const key = newKey();
    const send = (payload: string) =>
      service.as(FREELANCER).send('POST', `/v1/orders/${id}/disputes`, { ...JSON_TYPE, ...key }, payload);
    const first = await send(FIRST);
    const second = await send(again);
    expect([first.status, second.status, second.text]).toEqual([201, 201, first.text]);
    expect(second.headers['idempotency-replayed']).toBe('true');
  });

  test.each([
    ['another amount', change('{"amount":1501,"currency":"USD"}')],
    ['another order of a list', FIRST.replace('[{', '[{"title":"A","price":{"amount":1,"currency":"USD"}},{')],
    ['something more', FIRST.replace('"change"', '"comment":"Please.","change"')],
  ])('but not with %s', async (_what, other) => {
    const { id } = await seedOrder(service);
    const key = newKey();
    const send = (payload: string) =>
      service.as(FREELANCER).send('POST', `/v1/orders/${id}/disputes`, { ...JSON_TYPE, ...key }, payload);
    expect((await send(FIRST)).status).toBe(201);
    expect((await send(other)).code).toBe('idempotency_key_reused');
  });

  test('where an id is written in another case, and where a body is left out or empty', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const key = newKey();
    const first = await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`, undefined, key);
    for (const [written, body] of [
      [id.toUpperCase(), {}],
      [id, { comment: null }],
    ] as const) {
      const again = await service.as(FREELANCER).post(`/v1/disputes/${written}/accept`, body, key);
      expect([again.text, again.headers['idempotency-replayed']]).toEqual([first.text, 'true']);
    }
  });
});

describe('a key', () => {
  test.each([
    ['abc', '"abc"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['k'.repeat(255), `"${'k'.repeat(255)}"`],
  ])('is the same in the quotes of a structured field: %s', async (bare, quoted) => {
    const { id } = await seedDispute(service, 'cancellation');
    const send = (key: string) =>
      service.as(CLIENT).post(`/v1/disputes/${id}/comments`, SAYS, { 'idempotency-key': key });
    const first = await send(quoted);
    expect(first.status).toBe(200);
    expect((await send(bare)).headers['idempotency-replayed']).toBe('true');
  });

  test.each(['""', `"${'k'.repeat(256)}"`])('in quotes has 1 to 255 characters, too: %s', async (key) => {
    const { id } = await seedDispute(service, 'cancellation');
    const refused = await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, SAYS, { 'idempotency-key': key });
    expect(refused.problem).toMatchObject({ status: 400, errors: [{ pointer: '/header/idempotency-key' }] });
  });

  const opening = async () => `/v1/orders/${(await seedOrder(service)).id}/disputes`;
  const body = { type: 'cancellation', comment: 'Two weeks late.' };

  test('counts also where If-Match is another, or the place is', async () => {
    const { id, etag } = await seedDispute(service, 'cancellation');
    const key = newKey();
    const path = `/v1/disputes/${id}/comments`;
    await service.as(CLIENT).post(path, SAYS, { ...key, 'if-match': etag });
    expect((await service.as(CLIENT).post(path, SAYS, { ...key, 'if-match': etag })).status).toBe(200);
    for (const [elsewhere, headers] of [
      [path, { ...key, 'if-match': '"2"' }],
      [path, key],
      [`/v1/disputes/${id}/withdraw`, { ...key, 'if-match': etag }],
    ] as const) {
      const reused = await service.as(CLIENT).post(elsewhere, SAYS, headers);
      expect(reused).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
    }
  });

  test('answers before whatever is wrong by now: a role, a state, a version', async () => {
    const { id, etag } = await seedDispute(service, 'cancellation');
    const key = { ...newKey(), 'if-match': etag };
    const accept = () => service.as(FREELANCER).post<Dispute>(`/v1/disputes/${id}/accept`, SAYS, key);
    const first = await accept();
    expect((await accept()).text).toBe(first.text);
    const keptRefusal = newKey();
    const forbidden = () => service.as(CLIENT).post(`/v1/disputes/${id}/decline`, {}, keptRefusal);
    const refused = await forbidden();
    const repeated = await forbidden();
    expect([refused.code, repeated.code]).toEqual(['not_respondent', 'not_respondent']);
    expect(repeated.headers['idempotency-replayed']).toBe('true');
    expect(repeated.problem.requestId).toBe(refused.problem.requestId);
  });

  test.each([
    ['403', { type: 'order_change', change: { extras: [{ title: 'Files', price: { amount: 1, currency: 'USD' } }] } }],
    ['422', { type: 'cancellation' }],
  ])('keeps a refusal: %s', async (status, refusedBody) => {
    const [path, key] = [await opening(), newKey()];
    const first = await service.as(CLIENT).post(path, refusedBody, key);
    const again = await service.as(CLIENT).post(path, refusedBody, key);
    expect([String(first.status), again.text, again.headers['idempotency-replayed']]).toEqual([
      status,
      first.text,
      'true',
    ]);
  });

  test.each([
    ['401', (path: string, key: Headers) => service.withAuthorization(null).post(path, body, key)],
    [
      '415',
      (path: string, key: Headers) =>
        service.as(CLIENT).send('POST', path, { ...key, 'content-type': 'text/plain' }, 'x'),
    ],
    ['400', (path: string, key: Headers) => service.as(CLIENT).post(path, { type: 'refund' }, key)],
    ['404', (_path: string, key: Headers) => service.as(CLIENT).post('/v1/orders/nowhere/disputes', body, key)],
  ])('is still free after a %s', async (status, refuse) => {
    const [path, key] = [await opening(), newKey()];
    expect(String((await refuse(path, key)).status)).toBe(status);
    const answer = await service.as(CLIENT).post(path, body, key);
    expect([answer.status, answer.headers['idempotency-replayed']]).toEqual([201, undefined]);
  });

  test('of one caller is not that of another, be it a service of the same name', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const key = newKey();
    const path = `/v1/disputes/${id}/comments`;
    for (const sub of [CLIENT, FREELANCER]) {
      expect((await service.as(sub).post(path, SAYS, key)).headers['idempotency-replayed']).toBeUndefined();
    }
    expect(await service.as('user-1').post(path, SAYS, key)).toMatchObject({ status: 404, code: 'not_found' });
    const hold = await service.withScopes('ops').post('/v1/ops/holds', { note: 'x', orderIds: ['x'] }, key);
    expect(hold.status).toBe(201);
  });
});
