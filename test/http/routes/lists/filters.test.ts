import { beforeAll, describe, expect, test } from 'vitest';
import { letTimePass } from '../../../harness/database.ts';
import { anOrderReport, newOrderId, seedDispute, seedOrder } from '../../../harness/seed.ts';
import { type Service, startService } from '../../../harness/service.ts';
import type { Dispute } from '../../../harness/types.ts';

interface Page {
  readonly data: Dispute[];
  readonly nextCursor: string | null;
}

const HOUR = 3_600_000;
// Each user is the client of one order and the freelancer of another.
const PEOPLE = ['ann', 'ben', 'cho'] as const;

let service: Service;
/** Every dispute there is, as a service sees it. */
let all: Dispute[] = [];

const reader = () => service.withScopes('disputes:read');
const get = async (sub: string | null, query: string): Promise<Page> =>
  (await (sub === null ? reader() : service.as(sub)).get<Page>(`/v1/disputes?${query}`)).body;

async function walk(sub: string | null, query: string): Promise<Dispute[]> {
  const seen: Dispute[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const { data, nextCursor }: Page = await get(sub, `limit=7&${query}${next === '' ? '' : `&cursor=${next}`}`);
    seen.push(...data);
    next = nextCursor;
  }
  return seen;
}

/** Ends a dispute in one of the ways in which one ends; undefined leaves it open. */
const ENDINGS: readonly (((dispute: Dispute) => Promise<unknown>) | undefined)[] = [
  undefined,
  ({ id, type, respondent }) =>
    service
      .as(respondent.id)
      .post(`/v1/disputes/${id}/${type === 'order_update' ? 'provide-update' : 'accept'}`, { comment: 'Yes.' }),
  ({ id, type, respondent, opener }) =>
    type === 'order_update'
      ? service.as(opener.id).post(`/v1/disputes/${id}/withdraw`)
      : service.as(respondent.id).post(`/v1/disputes/${id}/decline`),
  // It has not been read since: the first list settles it.
  ({ id, type }) => letTimePass(service.database, id, (type === 'order_change' ? 96 : 48) * HOUR),
  ({ orderId, opener, respondent }) => {
    const [client, freelancer] = opener.role === 'client' ? [opener, respondent] : [respondent, opener];
    const report = anOrderReport({
      clientId: client.id,
      freelancerId: freelancer.id,
      revision: 2,
      status: 'completed',
    });
    return service.withScopes('orders:write').put(`/v1/orders/${orderId}`, report);
  },
];

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
  for (const [index, client] of PEOPLE.entries()) {
    const freelancer = PEOPLE[(index + 1) % PEOPLE.length] ?? client;
    for (const type of ['order_update', 'cancellation', 'order_change'] as const) {
      for (const end of ENDINGS) {
        const order = await seedOrder(service, { clientId: client, freelancerId: freelancer }, newOrderId());
        const opener = type === 'order_change' ? freelancer : client;
        const dispute = await seedDispute(service, type, { orderId: order.id, opener });
        await end?.(dispute);
      }
    }
  }
});

const FILTERS: Readonly<Record<string, (dispute: Dispute, sub: string | null) => boolean>> = {
  'status=open': ({ status }) => status === 'open',
  'status=resolved': ({ status }) => status === 'resolved',
  'type=order_update': ({ type }) => type === 'order_update',
  'type=cancellation': ({ type }) => type === 'cancellation',
  'type=order_change': ({ type }) => type === 'order_change',
  'resolution=accepted': ({ resolution }) => resolution === 'accepted',
  'resolution=expired': ({ resolution }) => resolution === 'expired',
  'resolution=superseded': ({ resolution }) => resolution === 'superseded',
  'status=resolved,open': () => true,
  'type=order_change,order_update': ({ type }) => type !== 'cancellation',
  'resolution=expired,accepted,withdrawn': ({ resolution }) =>
    resolution === 'expired' || resolution === 'accepted' || resolution === 'withdrawn',
  'awaiting=client': ({ awaiting }) => awaiting === 'client',
  'awaiting=freelancer': ({ awaiting }) => awaiting === 'freelancer',
  'awaiting=me': ({ awaiting, respondent }, sub) => awaiting !== null && respondent.id === sub,
};

const instants = { respondByBefore: 'respondBy', updatedAfter: 'updatedAt' } as const;
const inOrder = (a: string, b: string) => (a < b ? -1 : 1);
const isOf = (sub: string | null) => (dispute: Dispute) =>
  sub === null || dispute.opener.id === sub || dispute.respondent.id === sub;

/** What a list has to be, made by hand. */
function expected(sub: string | null, wanted: (dispute: Dispute) => boolean, sort: string): string[] {
  const key = sort.replace('-', '') as 'openedAt' | 'respondBy' | 'updatedAt';
  const place = (dispute: Dispute) => `${dispute[key]} ${dispute.id}`;
  const sorted = all
    .filter(isOf(sub))
    .filter(wanted)
    .toSorted((a, b) => inOrder(place(a), place(b)));
  return (sort.startsWith('-') ? sorted.reverse() : sorted).map(({ id }) => id);
}

const ids = (disputes: readonly Dispute[]) => disputes.map(({ id }) => id);

describe('a list', () => {
  beforeAll(async () => {
    // The first list finds nine that are overdue, and shows none of them as open.
    const open = await walk('ann', 'status=open');
    expect(open.filter(({ respondBy, serverTime }) => respondBy <= serverTime)).toEqual([]);
    all = await walk(null, '');
  });

  test('without a filter has everything once, for a service; for a user what is its own', async () => {
    expect(all).toHaveLength(PEOPLE.length * 3 * ENDINGS.length);
    expect(new Set(ids(all)).size).toBe(all.length);
    expect(new Set(all.map(({ resolution }) => resolution))).toEqual(
      new Set([null, 'answered', 'accepted', 'declined', 'withdrawn', 'expired', 'superseded']),
    );
    for (const sub of PEOPLE)
      expect(ids(await walk(sub, 'sort=openedAt'))).toEqual(expected(sub, () => true, 'openedAt'));
  });

  test.each(['openedAt', '-openedAt', 'respondBy', 'updatedAt'])(
    'has what each filter, and each two of them, let through, sorted by %s',
    async (sort) => {
      const filters = Object.entries(FILTERS);
      for (const [index, [one, isOne]] of filters.entries()) {
        const [other, isOther] = filters[(index * 5 + 3) % filters.length] ?? [one, isOne];
        const both = `${one}&${other}`;
        for (const sub of [null, 'ann']) {
          if (sub === null && both.includes('=me')) continue;
          const found = ids(await walk(sub, `sort=${sort}&${one}`));
          expect([one, found]).toEqual([one, expected(sub, (dispute) => isOne(dispute, sub), sort)]);
          if (one.split('=')[0] === other.split('=')[0]) continue;
          const isBoth = (dispute: Dispute) => isOne(dispute, sub) && isOther(dispute, sub);
          expect([both, ids(await walk(sub, `sort=${sort}&${both}`))]).toEqual([both, expected(sub, isBoth, sort)]);
        }
      }
    },
  );

  test.each(Object.entries(instants))('takes %s as a bound', async (name, key) => {
    const border = all.map((dispute) => dispute[key]).toSorted((a, b) => (a < b ? -1 : 1))[20] ?? '';
    const isWithin = (dispute: Dispute) =>
      name === 'respondByBefore' ? dispute[key] < border : dispute[key] >= border;
    for (const sub of [null, 'ben']) {
      const found = ids(await walk(sub, `${name}=${border}&sort=respondBy`));
      expect(found).toEqual(expected(sub, isWithin, 'respondBy'));
    }
    const offset = new Date(Date.parse(border) + 2 * HOUR).toISOString().replace('Z', '%2B02:00');
    expect(ids(await walk(null, `${name}=${offset}`))).toEqual(expected(null, isWithin, '-openedAt'));
  });

  test('of a party is the same for a service that asks for it', async () => {
    for (const sub of PEOPLE) expect(ids(await walk(null, `partyId=${sub}`))).toEqual(ids(await walk(sub, '')));
    expect(await walk(null, 'partyId=nobody')).toEqual([]);
  });

  test('never has an open dispute that is past its deadline, whatever is asked for', async () => {
    const order = await seedOrder(service, { clientId: 'late', freelancerId: 'ann' }, 'overdue');
    const { id } = await seedDispute(service, 'cancellation', { orderId: order.id, opener: 'late' });
    for (const query of [
      'status=open',
      'awaiting=freelancer',
      'awaiting=me',
      'status=open&type=cancellation&sort=respondBy',
    ]) {
      await service.database.query(
        `UPDATE disputes SET status = 'open', resolution = NULL, resolved_by_role = NULL, resolved_at = NULL, version = version + 1,
           opened_at = opened_at - interval '48 hours', respond_by = respond_by - interval '48 hours' WHERE id = $1`,
        [id],
      );
      await service.database.query(
        `UPDATE orders SET status = 'in_dispute', cancelled_by_dispute_id = NULL WHERE id = 'overdue'`,
      );
      expect(ids(await walk('ann', query))).not.toContain(id);
      expect(ids(await walk('ann', 'resolution=expired'))).toContain(id);
    }
    const { data } = (await service.as('late').get<Page>('/v1/orders/overdue/disputes')).body;
    expect(data).toMatchObject([{ id, status: 'resolved', resolution: 'expired' }]);
  });
});

describe('a page', () => {
  test.each([1, 20, 100])('has at most %d disputes, and a cursor just where there are more', async (limit) => {
    const { data, nextCursor } = await get(null, `limit=${limit}`);
    const total = (await walk(null, '')).length;
    expect(data).toHaveLength(Math.min(limit, total));
    expect(nextCursor === null).toBe(limit >= total);
  });

  test('has twenty disputes unless told otherwise, newest first', async () => {
    const { data } = await get(null, '');
    expect(ids(data)).toEqual(ids(await walk(null, 'sort=-openedAt')).slice(0, 20));
  });

  test.each([
    ['another sort', 'sort=openedAt'],
    ['another filter', 'status=open'],
    ['a filter less', ''],
    ['another type', 'type=order_change'],
  ])('is not given for a cursor with %s', async (_what, other) => {
    const { nextCursor } = await get(null, 'limit=2&type=cancellation');
    expect((await get(null, `limit=3&type=cancellation&cursor=${nextCursor}`)).data).toHaveLength(3);
    const refused = await reader().get(`/v1/disputes?limit=2&${other}&cursor=${nextCursor}`);
    expect(refused).toMatchObject({ status: 400, problem: { errors: [{ pointer: '/query/cursor' }] } });
  });

  test('is given for the cursor of the same values in another order, and not for one of fewer', async () => {
    const { nextCursor } = await get(null, 'limit=2&type=cancellation,order_update');
    const go = (types: string) => reader().get<Page>(`/v1/disputes?limit=2&type=${types}&cursor=${nextCursor}`);
    expect((await go('order_update,cancellation,order_update')).body.data).toHaveLength(2);
    expect(await go('cancellation')).toMatchObject({
      status: 400,
      problem: { errors: [{ pointer: '/query/cursor' }] },
    });
  });

  test('is not given for a cursor of another list, of another user, or that was tampered with', async () => {
    const { nextCursor } = await get('ann', 'limit=2');
    const cursor = nextCursor ?? '';
    const text = Buffer.from(cursor, 'base64url').toString();
    const forged = Buffer.from(text.replace(/\d{13}/, (ms) => String(Number(ms) - 1))).toString('base64url');
    for (const [sub, path] of [
      ['ann', `/v1/orders/order-1/disputes?cursor=${cursor}`],
      ['ben', `/v1/disputes?limit=2&cursor=${cursor}`],
      ['ann', `/v1/disputes?cursor=${forged}`],
      ['ann', `/v1/disputes?cursor=${cursor.slice(0, -4)}`],
      ['ann', `/v1/disputes?cursor=`],
      ['ann', `/v1/disputes?cursor=${'x'.repeat(201)}`],
    ] as const) {
      expect(await service.as(sub).get(path)).toMatchObject({ status: 400, code: 'validation_failed' });
    }
    expect((await service.as('ann').get(`/v1/disputes?cursor=${cursor}`)).status).toBe(200);
  });

  test('of an order goes on with its cursor', async () => {
    const { id } = await seedOrder(service, { clientId: 'ann', freelancerId: 'ben' }, 'many');
    for (let count = 0; count < 5; count += 1) {
      const dispute = await seedDispute(service, 'order_update', { orderId: id, opener: 'ann' });
      await service.as('ann').post(`/v1/disputes/${dispute.id}/withdraw`);
    }
    const path = `/v1/orders/${id}/disputes`;
    const whole = (await service.as('ben').get<Page>(path)).body;
    expect([whole.data.length, whole.nextCursor]).toEqual([5, null]);
    const first = (await service.as('ben').get<Page>(`${path}?limit=3`)).body;
    const second = (await service.as('ben').get<Page>(`${path}?limit=3&cursor=${first.nextCursor}`)).body;
    expect(ids([...first.data, ...second.data])).toEqual(ids(whole.data));
    expect(await service.as('ben').get(`${path}?sort=openedAt`)).toMatchObject({
      status: 400,
      code: 'validation_failed',
    });
  });
});
