import { beforeAll, describe, expect, test } from 'vitest';
import { letTimePass } from '../../../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../../harness/seed.ts';
import { type Service, startService } from '../../../harness/service.ts';
import type { Dispute } from '../../../harness/types.ts';

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

interface Page {
  readonly data: Dispute[];
  readonly nextCursor: string | null;
}

const HOUR = 3_600_000;

let service: Service;
beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
});

/** Orders with an open cancellation each, put into the database at once; always five were opened at the same moment. */
async function seedMany(prefix: string, count: number, client = CLIENT, freelancer = FREELANCER): Promise<void> {
  await service.database.query(
    `WITH n AS MATERIALIZED (SELECT $1 || n AS id, gen_random_uuid() AS dispute,
         date_trunc('milliseconds', now()) - n / 5 * interval '1 second' AS at FROM generate_series(1, $2::integer) AS n),
       o AS (INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency,
           revision, version, created_at, updated_at)
         SELECT id, $3, $4, 'in_dispute', 'in_progress', 1, 'USD', 1, 2, at, at FROM n)
     INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, comment, opened_at, updated_at,
       respond_by, deadline_seq, version)
     SELECT dispute, id, $3, $4, 'cancellation', 'open', 'client', 'Late.', at, at, at + interval '48 hours', 1, 1 FROM n`,
    [prefix, count, client, freelancer],
  );
}

async function page(sub: string, query: string): Promise<Page> {
  return (await service.as(sub).get<Page>(`/v1/disputes${query}`)).body;
}

/** Goes through all pages; `between` happens after each of them. */
async function walk(sub: string, query: string, between: (seen: readonly Dispute[]) => Promise<void> = async () => {}) {
  const seen: Dispute[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { data, nextCursor } = await page(sub, `?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    seen.push(...data);
    cursor = nextCursor;
    await between(data);
  }
  return seen;
}

describe('paging through a thousand disputes', () => {
  test.each(['openedAt', '-openedAt', 'respondBy'])(
    'gives each exactly once by %s while two hundred of them resolve and others are opened',
    async (sort) => {
      const [client, freelancer] = [`client-${sort}`, `freelancer-${sort}`];
      await seedMany(`thousand${sort}-`, 1_000, client, freelancer);
      let resolved = 0;
      const seen = await walk(client, `limit=50&sort=${sort}`, async (data) => {
        const ids = [...data.slice(0, 5), ...data.slice(-5)].map(({ id }) => id);
        const answers = await Promise.all(ids.map((id) => service.as(freelancer).post(`/v1/disputes/${id}/decline`)));
        resolved += answers.filter(({ status }) => status === 200).length;
        const order = await seedOrder(
          service,
          { clientId: client, freelancerId: freelancer },
          `new${sort}-${resolved}`,
        );
        await seedDispute(service, 'cancellation', { orderId: order.id, opener: client });
      });
      const old = seen.filter(({ orderId }) => orderId.startsWith('thousand'));
      expect(resolved).toBeGreaterThanOrEqual(200);
      expect(old).toHaveLength(1_000);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
      const at = seen.map(({ openedAt, respondBy }) => (sort === 'respondBy' ? respondBy : openedAt));
      expect(at).toEqual(sort === '-openedAt' ? at.toSorted(compare).reverse() : at.toSorted(compare));
    },
  );
});

describe('the lists of two users', () => {
  test('never mix, under any filter, sort or cursor', async () => {
    await seedMany('anna-', 60, 'anna', 'bob');
    await seedMany('carl-', 60, 'carl', 'dora');
    const queries = [
      'sort=openedAt',
      'sort=-openedAt',
      'sort=respondBy',
      'sort=updatedAt',
      'status=open',
      'type=cancellation',
    ];
    for (const query of [
      ...queries,
      'awaiting=freelancer',
      'respondByBefore=2099-01-01T00:00:00Z',
      'updatedAfter=2020-01-01T00:00:00Z',
    ]) {
      const seen = await walk('anna', `limit=25&${query}`);
      expect(seen).toHaveLength(60);
      expect(seen.filter(({ opener }) => opener.id !== 'anna')).toEqual([]);
    }
    const { nextCursor } = await page('anna', '?limit=25');
    const others = await service.as('carl').get(`/v1/disputes?limit=25&cursor=${nextCursor}`);
    expect(others).toMatchObject({ status: 400, code: 'validation_failed' });
    expect((await page('anna', '?orderId=carl-1')).data).toEqual([]);
  });
});

describe('filters', () => {
  test('by status, type, resolution and who has to respond', async () => {
    const [client, freelancer] = ['filter-client', 'filter-freelancer'];
    const order = async () => (await seedOrder(service, { clientId: client, freelancerId: freelancer })).id;
    const open = await seedDispute(service, 'order_update', { orderId: await order(), opener: client });
    const change = await seedDispute(service, 'order_change', { orderId: await order(), opener: freelancer });
    const declined = await seedDispute(service, 'cancellation', { orderId: await order(), opener: client });
    await service.as(freelancer).post(`/v1/disputes/${declined.id}/decline`);
    const ids = async (sub: string, query: string) =>
      (await page(sub, `?${query}`)).data.map(({ id }) => id).sort(compare);
    expect(await ids(client, 'status=open')).toEqual([open.id, change.id].sort(compare));
    expect(await ids(client, 'status=resolved')).toEqual([declined.id]);
    expect(await ids(client, 'resolution=declined')).toEqual([declined.id]);
    expect(await ids(client, 'resolution=accepted')).toEqual([]);
    expect(await ids(client, 'type=order_change')).toEqual([change.id]);
    expect(await ids(client, 'awaiting=me')).toEqual([change.id]);
    expect(await ids(freelancer, 'awaiting=me')).toEqual([open.id]);
    expect(await ids(client, 'awaiting=client')).toEqual([change.id]);
    expect(await ids(client, `orderId=${open.orderId}`)).toEqual([open.id]);
    expect(await ids(client, `respondByBefore=${open.respondBy}`)).toEqual(
      [declined.id].filter((id) => id === declined.id && declined.respondBy < open.respondBy),
    );
    expect(await ids(client, `updatedAfter=${declined.updatedAt}`)).toEqual([declined.id]);
    const all = await service.withScopes('disputes:read').get<Page>(`/v1/disputes?partyId=${client}`);
    expect(all.body.data).toHaveLength(3);
  });

  test('show a dispute past its deadline as expired, and never as open', async () => {
    const [client, freelancer] = ['late-client', 'late-freelancer'];
    const order = await seedOrder(service, { clientId: client, freelancerId: freelancer });
    const { id } = await seedDispute(service, 'cancellation', { orderId: order.id, opener: client });
    await letTimePass(service.database, id, 48 * HOUR);
    expect((await page(client, '?status=open')).data).toEqual([]);
    const { data } = await page(client, '?status=resolved&resolution=expired');
    expect(data).toMatchObject([{ id, status: 'resolved', resolution: 'expired', resolvedBy: { role: 'system' } }]);
  });

  test.each([
    ['unseen-1', 'status=resolved'],
    ['unseen-2', 'resolution=expired&sort=updatedAt'],
    ['unseen-3', 'status=resolved&orderId=unseen-3'],
  ])('show to %s what silence has done, though nothing was to be seen until now: ?%s', async (name, query) => {
    const order = await seedOrder(service, { freelancerId: name }, name);
    const { id } = await seedDispute(service, 'cancellation', { orderId: order.id });
    await letTimePass(service.database, id, 48 * HOUR);
    expect((await page(name, `?${query}`)).data).toMatchObject([{ id, resolution: 'expired' }]);
  });

  test('of an order give its disputes, newest first, to its parties and to services', async () => {
    const { id: orderId } = await seedOrder(service);
    const first = await seedDispute(service, 'order_update', { orderId });
    await service.as(CLIENT).post(`/v1/disputes/${first.id}/withdraw`);
    const second = await seedDispute(service, 'cancellation', { orderId });
    const path = `/v1/orders/${orderId}/disputes`;
    const mine = await service.as(FREELANCER).get<Page>(path);
    expect(mine.body.data.map(({ id }) => id)).toEqual([second.id, first.id]);
    const theirs = await service.withScopes('disputes:read').get<Page>(path);
    expect(theirs.body.data[0]).not.toHaveProperty('comment');
    expect(theirs.body.data[0]).not.toHaveProperty('viewer');
    expect((await service.as('user-1').get(path)).status).toBe(404);
  });
});

test.each([
  'limit=0',
  'limit=101',
  'limit=many',
  'sort=price',
  'status=closed',
  'awaiting=nobody',
  'cursor=nonsense',
  `cursor=${Buffer.from('["openedAt",1,"x"]').toString('base64url')}`,
  'updatedAfter=yesterday',
  'page=2',
  'partyId=user-9',
])('a list refuses ?%s', async (query) => {
  expect(await service.as(CLIENT).get(`/v1/disputes?${query}`)).toMatchObject({
    status: 400,
    code: 'validation_failed',
  });
});

test('a cursor of another sort is refused, and so is awaiting=me of a service', async () => {
  await seedMany('cursor-', 3, 'cursor-client', 'cursor-freelancer');
  const { nextCursor } = await page('cursor-client', '?limit=1&sort=openedAt');
  const other = await service.as('cursor-client').get(`/v1/disputes?limit=1&sort=respondBy&cursor=${nextCursor}`);
  expect(other).toMatchObject({ status: 400, code: 'validation_failed' });
  const service1 = await service.withScopes('disputes:read').get('/v1/disputes?awaiting=me');
  expect(service1).toMatchObject({ status: 400, code: 'validation_failed' });
});
