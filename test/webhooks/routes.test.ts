import { beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from '../harness/service.ts';
import type { Delivery, Endpoint, EndpointWithSecret } from './endpoints.ts';

const ENDPOINTS = '/v1/webhook-endpoints';
const URL = 'https://mail.example/hooks';

interface Page<T> {
  readonly data: T[];
  readonly nextCursor: string | null;
}

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const manager = () => service.withScopes('webhooks:manage');
const create = async (over: object = {}) =>
  (await manager().post<EndpointWithSecret>(ENDPOINTS, { url: URL, ...over })).body;

/** Everything that the database holds, as text. */
async function everythingKept(): Promise<string> {
  const tables = await service.database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  );
  const rows = tables.map(({ name }) =>
    service.database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`),
  );
  return (await Promise.all(rows))
    .flat()
    .map(({ row }) => row)
    .join('\n');
}

describe('the secret of an endpoint', () => {
  test('is shown when it is made, in the answer to the same key, and never again', async () => {
    const headers = { 'idempotency-key': 'make an endpoint' };
    const first = await manager().post<EndpointWithSecret>(ENDPOINTS, { url: URL }, headers);
    const again = await manager().post<EndpointWithSecret>(ENDPOINTS, { url: URL }, headers);
    expect(first.status).toBe(201);
    expect(first.headers['location']).toBe(`${ENDPOINTS}/${first.body.id}`);
    expect(first.body.secret).toMatch(/^whsec_/);
    expect(Buffer.from(first.body.secret.slice('whsec_'.length), 'base64')).toHaveLength(32);
    expect(again.body).toEqual(first.body);
    const { secret, ...rest } = first.body;
    const read = await manager().get<Endpoint>(`${ENDPOINTS}/${first.body.id}`);
    expect(read.body).toEqual(rest);
    expect(JSON.stringify((await manager().get(ENDPOINTS)).body)).not.toContain(secret);
  });

  test('lies nowhere in the database as it is, the kept answers included', async () => {
    const made = await manager().post<EndpointWithSecret>(ENDPOINTS, { url: URL }, { 'idempotency-key': 'a secret' });
    const rotated = await manager().post<EndpointWithSecret>(
      `${ENDPOINTS}/${made.body.id}/rotate-secret`,
      {},
      { 'idempotency-key': 'another secret' },
    );
    const kept = await everythingKept();
    expect(kept).toContain(made.body.id);
    for (const secret of [made.body.secret, rotated.body.secret]) {
      expect(kept).not.toContain(secret);
      expect(kept).not.toContain(secret.slice('whsec_'.length));
    }
  });

  test('is another one after a rotation, which says until when the old one signs, too', async () => {
    const { id, secret } = await create();
    const rotated = await manager().post<EndpointWithSecret>(`${ENDPOINTS}/${id}/rotate-secret`, {
      keepPreviousFor: 'P1D',
    });
    expect(rotated.body.secret).not.toBe(secret);
    expect(Date.parse(rotated.body.previousSecretExpiresAt ?? '') - Date.now()).toBeGreaterThan(86_000_000);
    const atOnce = await manager().post<EndpointWithSecret>(`${ENDPOINTS}/${id}/rotate-secret`, {
      keepPreviousFor: 'PT0S',
    });
    expect(atOnce.body.previousSecretExpiresAt).toBeNull();
  });
});

const FOR_DEVELOPMENT = ' For development, WEBHOOK_ALLOW_INSECURE=true allows http, private addresses and any port.';

describe('an endpoint', () => {
  test.each([
    ['http://mail.example/', `Give an https URL.${FOR_DEVELOPMENT}`],
    ['https://127.0.0.1/', `Give a URL whose host has a public address.${FOR_DEVELOPMENT}`],
    ['https://localhost/', `Give a URL whose host has a public address.${FOR_DEVELOPMENT}`],
    ['https://user:pw@mail.example/', 'Leave the user and the password out of the URL.'],
    ['https://mail.example:6379/', `Give a URL on port 443 or 8443.${FOR_DEVELOPMENT}`],
    ['https://mail.example/#x', 'Leave out the fragment (#…).'],
    ['ftp://127.0.0.1/', 'Give an https URL.'],
    ['no url', 'Give an https URL.'],
    ['https://mail.example/\n', 'Leave white space, control characters and half characters out of the URL.'],
    ['https://mail.example/\u0000', 'Leave white space, control characters and half characters out of the URL.'],
    ['https://mail.example/\ud83d', 'Leave white space, control characters and half characters out of the URL.'],
  ])('cannot be at %s', async (url, message) => {
    const refused = await manager().post(ENDPOINTS, { url });
    expect([refused.status, refused.problem.errors]).toEqual([
      400,
      [{ pointer: '/url', code: 'invalid_format', message }],
    ]);
    const { id } = await create();
    expect((await manager().patch(`${ENDPOINTS}/${id}`, { url })).status).toBe(400);
  });

  test('cannot be there in production, either, where no variable that allows it is named', async () => {
    const production = await startService({ env: { NODE_ENV: 'production' }, database: service.database });
    for (const url of ['http://mail.example/', 'https://127.0.0.1/', 'https://mail.example:6379/']) {
      const refused = await production.withScopes('webhooks:manage').post(ENDPOINTS, { url });
      expect(refused.status).toBe(400);
      expect(refused.text).not.toContain('WEBHOOK_ALLOW_INSECURE');
    }
  });

  test('is changed in what is given, and in nothing else', async () => {
    const { id, secret: _, ...before } = await create({ description: 'Mail', types: ['dispute.opened'] });
    const changed = await manager().patch<Endpoint>(`${ENDPOINTS}/${id}`, { types: null, active: false });
    expect(changed.body).toEqual({
      ...before,
      id,
      types: null,
      active: false,
      status: 'inactive',
      updatedAt: changed.body.updatedAt,
    });
    expect((await manager().patch(`${ENDPOINTS}/${id}`, {})).status).toBe(400);
    expect((await manager().patch(`${ENDPOINTS}/${id}`, { types: ['dispute.opened', 'dispute.opened'] })).status).toBe(
      400,
    );
    expect((await manager().patch(`${ENDPOINTS}/${id}`, { secret: 'x' })).status).toBe(400);
  });

  test('may receive comments only if its owner has a token that may read them', async () => {
    const body = { url: URL, includeComments: true };
    expect((await manager().post(ENDPOINTS, body)).code).toBe('forbidden');
    const { id } = await create();
    expect((await manager().patch(`${ENDPOINTS}/${id}`, { includeComments: true })).status).toBe(403);
    const trusted = service.withScopes('webhooks:manage', 'comments:read');
    expect((await trusted.post<Endpoint>(ENDPOINTS, body)).body.includeComments).toBe(true);
  });

  test('is gone once it is deleted, with its deliveries', async () => {
    const { id } = await create();
    const sent = await manager().post<Delivery>(`${ENDPOINTS}/${id}/test`);
    expect((await manager().delete(`${ENDPOINTS}/${id}`)).body).toEqual({ id, deleted: true });
    const calls = [
      manager().get(`${ENDPOINTS}/${id}`),
      manager().get(`${ENDPOINTS}/${id}/deliveries`),
      manager().get(`/v1/webhook-deliveries/${sent.body.id}`),
      manager().patch(`${ENDPOINTS}/${id}`, { active: true }),
      manager().delete(`${ENDPOINTS}/${id}`),
      manager().post(`${ENDPOINTS}/${id}/test`),
      manager().post(`${ENDPOINTS}/${id}/replay`, { after: 0 }),
      manager().post(`${ENDPOINTS}/${id}/rotate-secret`),
      manager().post(`/v1/webhook-deliveries/${sent.body.id}/redeliver`),
    ];
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(calls.map(() => 404));
  });

  test('is on one page of the list, and on one only', async () => {
    const own = await startService();
    const caller = own.withScopes('webhooks:manage');
    for (let n = 0; n < 5; n += 1) await caller.post(ENDPOINTS, { url: `https://mail.example/${n}` });
    const urls: string[] = [];
    let cursor = '';
    do {
      const { body }: { body: Page<Endpoint> } = await caller.get<Page<Endpoint>>(`${ENDPOINTS}?limit=2${cursor}`);
      urls.push(...body.data.map(({ url }) => url));
      cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
    } while (cursor !== '');
    expect(urls).toEqual([0, 1, 2, 3, 4].map((n) => `https://mail.example/${n}`));
    expect((await caller.get(`${ENDPOINTS}?cursor=nonsense`)).status).toBe(400);
    await own.close();
  });
});

test('the deliveries of an endpoint are listed newest first, by status, page by page', async () => {
  const { id } = await create();
  const sent: string[] = [];
  for (let n = 0; n < 3; n += 1) sent.unshift((await manager().post<Delivery>(`${ENDPOINTS}/${id}/test`)).body.id);
  const page = async (query: string) =>
    (await manager().get<Page<Delivery>>(`${ENDPOINTS}/${id}/deliveries?${query}`)).body;
  const first = await page('limit=2');
  const second = await page(`limit=2&cursor=${first.nextCursor}`);
  expect([...first.data, ...second.data].map((one) => one.id)).toEqual(sent);
  expect(second.nextCursor).toBeNull();
  expect((await page('status=pending')).data).toHaveLength(3);
  expect((await page('status=failed')).data).toEqual([]);
  expect(first.data[0]).toMatchObject({
    type: 'webhook_endpoint.test',
    status: 'pending',
    attempts: [],
    orderId: null,
  });
});

test('a service without a key to encrypt secrets says so', async () => {
  const own = await startService({ env: { WEBHOOK_ENCRYPTION_KEY: '' } });
  const refused = await own.withScopes('webhooks:manage').post(ENDPOINTS, { url: URL });
  expect([refused.status, refused.code, refused.problem.detail]).toEqual([
    503,
    'unavailable',
    'Webhooks are off here: WEBHOOK_ENCRYPTION_KEY is not set.',
  ]);
  await own.close();
});
