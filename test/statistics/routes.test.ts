import { beforeAll, describe, expect, test } from 'vitest';
import { letTimePass } from '../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';

const HOUR = 3_600_000;
const SECRET = 'between-the-two-of-us';

let service: Service;

const reader = () => service.withScopes('disputes:read');
const answer = (sub: string, { id }: Dispute, how: string) =>
  service.as(sub).post(`/v1/disputes/${id}/${how}`, { comment: SECRET });

/** A respondent takes so many whole hours, to the millisecond. */
async function answeredAfter(hours: number, dispute: Dispute, sub: string, how: string): Promise<void> {
  await letTimePass(service.database, dispute.id, hours * HOUR);
  await answer(sub, dispute, how);
  await service.database.query(`UPDATE disputes SET resolved_at = opened_at + $2 * interval '1 hour' WHERE id = $1`, [
    dispute.id,
    hours,
  ]);
}

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
  await answeredAfter(1, await seedDispute(service, 'cancellation'), FREELANCER, 'accept');
  await answeredAfter(2, await seedDispute(service, 'cancellation', { opener: FREELANCER }), CLIENT, 'decline');
  await answeredAfter(3, await seedDispute(service, 'order_update'), FREELANCER, 'provide-update');
  const { id: orderId } = await seedOrder(service);
  const delivered = await seedDispute(service, 'order_update', { orderId });
  await service.withScopes('orders:write').put(`/v1/orders/${delivered.orderId}`, {
    ...{ clientId: CLIENT, freelancerId: FREELANCER, status: 'delivered', deliverBy: null, revision: 2 },
    price: { amount: 1, currency: 'USD' },
  });
  await answer(FREELANCER, await seedDispute(service, 'order_change'), 'withdraw');
  const silent = await seedDispute(service, 'cancellation');
  await letTimePass(service.database, silent.id, 48 * HOUR);
  await seedDispute(service, 'cancellation');
});

const NOTHING = { accepted: 0, declined: 0, answered: 0, withdrawn: 0, expired: 0, superseded: 0, open: 0 };
const NO_TIMES = { responses: 0, responseSeconds: { p50: null, p90: null, p99: null } };
const TOTAL = {
  ...{ opened: 7, accepted: 1, declined: 1, answered: 2, withdrawn: 1, expired: 1, superseded: 0, open: 1 },
  ...{ responses: 3, responseSeconds: { p50: 7_200, p90: 10_800, p99: 10_800 }, silenceShare: 0.1667 },
};
const times = (seconds: number) => ({ p50: seconds, p90: seconds, p99: seconds });

describe('statistics', () => {
  test('by type count how disputes ended and how long the respondents took, but not what a delivery answered', async () => {
    const { body } = await reader().get('/v1/stats');
    expect(body).toMatchObject({
      groupBy: 'type',
      data: [
        {
          ...NOTHING,
          key: 'order_update',
          role: null,
          opened: 2,
          answered: 2,
          responses: 1,
          responseSeconds: times(10_800),
        },
        {
          ...{ ...NOTHING, key: 'cancellation', role: null, opened: 4, accepted: 1, declined: 1, expired: 1, open: 1 },
          ...{ responses: 2, responseSeconds: { p50: 3_600, p90: 7_200, p99: 7_200 }, silenceShare: 0.3333 },
        },
        { ...NOTHING, ...NO_TIMES, key: 'order_change', role: null, opened: 1, withdrawn: 1, silenceShare: 0 },
      ],
      total: TOTAL,
    });
  });

  test.each([
    [
      'attribution',
      [
        ['freelancer', null, 4],
        [null, null, 3],
      ],
    ],
    [
      'reason',
      [
        ['late_delivery', 'client', 3],
        ['unable_to_complete', 'freelancer', 1],
        [null, null, 3],
      ],
    ],
    [
      'resolution',
      [
        ['accepted', null, 1],
        ['declined', null, 1],
        ['answered', null, 2],
        ['withdrawn', null, 1],
        ['expired', null, 1],
        [null, null, 1],
      ],
    ],
  ])('by %s are in the order of the catalogue, and always add up to the same', async (groupBy, groups) => {
    const { body } = await reader().get<{ data: { key: string; role: string; opened: number }[]; total: object }>(
      `/v1/stats?groupBy=${groupBy}`,
    );
    expect(body.data.map(({ key, role, opened }) => [key, role, opened])).toEqual(groups);
    expect(body.total).toEqual(TOTAL);
  });

  test('hold neither user ids nor comments', async () => {
    for (const groupBy of ['type', 'reason', 'resolution', 'attribution']) {
      const { text } = await reader().get(`/v1/stats?groupBy=${groupBy}`);
      expect(text).not.toMatch(new RegExp(`${SECRET}|${CLIENT}|${FREELANCER}|order-\\d|comment|Two weeks`));
    }
    const rows = await service.database.query('SELECT * FROM dispute_statistics');
    expect(rows.length).toBeGreaterThan(3);
    expect(JSON.stringify(rows)).not.toMatch(/Two weeks|between/);
  });

  test('are of the disputes opened from one instant on and before another; a date is its beginning in UTC', async () => {
    const [first] = await service.database.query<{ at: Date }>('SELECT min(opened_at) AS at FROM disputes');
    const at = first?.at.getTime() ?? 0;
    const opened = async (from: string, to: string) =>
      (await reader().get<{ total: { opened: number } }>(`/v1/stats?from=${from}&to=${to}`)).body.total.opened;
    const iso = (ms: number) => new Date(ms).toISOString();
    expect(await opened(iso(at), iso(at + 1))).toBe(1);
    expect(await opened(iso(at - 1), iso(at))).toBe(0);
    expect(await opened(iso(at).slice(0, 10), iso(at + 1))).toBe(1);
    const days = (await reader().get<{ from: string; to: string }>('/v1/stats?from=2026-03-01&to=2026-03-02')).body;
    expect(days).toMatchObject({ from: '2026-03-01T00:00:00.000Z', to: '2026-03-02T00:00:00.000Z' });
    const { from, to } = (await reader().get<{ from: string; to: string }>('/v1/stats')).body;
    expect(Date.parse(to) - Date.parse(from)).toBe(30 * 24 * HOUR);
  });

  test.each([
    ['from=2026-02-30', '/query/from'],
    ['from=yesterday', '/query/from'],
    ['to=2026-11-01T10:00', '/query/to'],
    ['to=1969-12-31', '/query/to'],
    ['from=2026-11-02&to=2026-11-01', '/query/to'],
    ['from=2026-11-01&to=2026-11-01', '/query/to'],
    ['from=9999-01-01', '/query/from'],
    ['to=', '/query/to'],
    ['from=2025-01-01&to=2026-01-02T00:00:00.001Z', '/query/from'],
    ['groupBy=user', '/query/groupBy'],
    ['interval=day', '/query/interval'],
  ])('refuse ?%s', async (query, pointer) => {
    const answered = await reader().get(`/v1/stats?${query}`);
    expect(answered).toMatchObject({ status: 400, code: 'validation_failed', problem: { errors: [{ pointer }] } });
  });

  test('may be of a leap year', async () => {
    expect((await reader().get('/v1/stats?from=2024-01-01&to=2025-01-01')).status).toBe(200);
  });
});

describe('as CSV', () => {
  const ask = (accept: string) => reader().get(`/v1/stats?groupBy=attribution`, { accept });

  test('they are a table with a row for each group and one for all', async () => {
    const { headers, text } = await ask('text/csv');
    expect([headers['content-type'], headers['vary']]).toEqual(['text/csv; charset=utf-8; header=present', 'accept']);
    expect(text.split('\r\n')).toEqual([
      'row,key,role,opened,accepted,declined,answered,withdrawn,expired,superseded,open,responses,p50_seconds,p90_seconds,p99_seconds,silence_share',
      'attribution,freelancer,,4,1,1,0,0,1,0,1,2,3600,7200,7200,0.3333',
      'attribution,,,3,0,0,2,1,0,0,0,1,10800,10800,10800,0',
      'total,,,7,1,1,2,1,1,0,1,3,7200,10800,10800,0.1667',
      '',
    ]);
  });

  test.each([
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['text/csv;q=0.5, application/json', 'application/json'],
    ['text/*', 'text/csv'],
    ['text/csv, application/json;q=0.5', 'text/csv'],
    ['text/csv;charset=utf-8', 'text/csv'],
  ])('they come to a caller that accepts %s as %s', async (accept, type) => {
    const { status, headers } = await ask(accept);
    expect([status, headers['content-type']?.split(';')[0]]).toEqual([200, type]);
  });

  test('nothing else is to be had, nor CSV from other operations', async () => {
    expect(await ask('text/html')).toMatchObject({ status: 406, code: 'not_acceptable' });
    expect(await reader().get('/v1/disputes', { accept: 'text/csv' })).toMatchObject({ status: 406 });
    const refused = await reader().get('/v1/stats?groupBy=user', { accept: 'text/csv' });
    expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
  });
});

test('while a long log is being rolled up, callers are told to come again, and then get it all', async () => {
  const fresh = await startService({ env: { REMINDERS: 'none' } });
  const { orderId } = await seedDispute(fresh, 'cancellation');
  await fresh.database.query(
    `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, actor_role, cause, data)
     SELECT $1, n, gen_random_uuid(), 'order.status_changed', clock_timestamp(), 'order_service', 'request:x', '{}'
     FROM generate_series(3, 41000) AS n`,
    [orderId],
  );
  const ask = () => fresh.withScopes('disputes:read').get<{ total: object }>('/v1/stats');
  const early = await ask();
  expect(early).toMatchObject({ status: 503, code: 'unavailable' });
  expect(early.headers['retry-after']).toBe('5');
  expect((await ask()).body.total).toMatchObject({ opened: 1, open: 1 });
});
