import { beforeAll, describe, expect, test } from 'vitest';
import { letTimePass } from '../../harness/database.ts';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

interface DeadlinePage {
  readonly counts: { readonly pending: number; readonly overdue: number };
  readonly data: { readonly disputeId: string; readonly dueAt: string; readonly latenessSeconds: number }[];
  readonly nextCursor: string | null;
}

const HOUR = 3_600_000;
const SECRET = 'between-the-two-of-us';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const ops = () => service.withScopes('ops');
const look = async (query: string) => (await ops().get<DeadlinePage>(`/v1/ops/deadlines?${query}`)).body;
const invalid = (pointer: string) => ({ status: 400, code: 'validation_failed', problem: { errors: [{ pointer }] } });

describe('deadlines', () => {
  test('are counted and listed by their state, in pages, without a word of what people write', async () => {
    const ahead = [await seedDispute(service, 'cancellation'), await seedDispute(service, 'order_update')];
    const passed = await seedDispute(service, 'cancellation');
    await service.as(CLIENT).post(`/v1/disputes/${passed.id}/comments`, { comment: SECRET });
    await letTimePass(service.database, passed.id, 49 * HOUR);
    const overdue = await look('');
    expect(overdue).toMatchObject({
      counts: { pending: 2, overdue: 1 },
      data: [{ disputeId: passed.id }],
      nextCursor: null,
    });
    expect(overdue.data[0]?.latenessSeconds).toBeGreaterThan(3_599);
    const first = await look('state=pending&limit=1');
    const second = await look(`state=pending&limit=1&cursor=${first.nextCursor}`);
    const seen = [...first.data, ...second.data];
    expect(seen.map(({ disputeId, dueAt }) => [disputeId, dueAt])).toEqual(
      ahead.map(({ id, respondBy }) => [id, respondBy]),
    );
    expect(second.nextCursor).toBeNull();
    expect(JSON.stringify([overdue, seen])).not.toMatch(new RegExp(`${SECRET}|comment`));
    const elsewhere = await ops().get(`/v1/ops/deadlines?state=overdue&cursor=${first.nextCursor}`);
    expect(elsewhere).toMatchObject(invalid('/query/cursor'));
  });

  test('take effect when they are reconciled', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, id, 49 * HOUR);
    const { body } = await ops().post<{ settled: number; complete: boolean }>('/v1/ops/deadlines/reconcile');
    expect([body.settled >= 1, body.complete]).toEqual([true, true]);
    expect((await look('')).counts.overdue).toBe(0);
    expect(await service.database.query('SELECT resolution FROM disputes WHERE id = $1', [id])).toEqual([
      { resolution: 'expired' },
    ]);
  });

  test.each(['state=late', 'limit=0', 'limit=101', 'cursor=x', 'sort=dueAt', 'state=pending&state=overdue'])(
    'are not looked up by ?%s',
    async (query) => {
      expect(await ops().get(`/v1/ops/deadlines?${query}`)).toMatchObject({ status: 400, code: 'validation_failed' });
    },
  );
});

describe('what operators say is checked', () => {
  const NOTE = { note: 'Mail is down.' };

  test.each([
    [{}, '/note'],
    [{ note: ' ' }, '/note'],
    [{ note: 'x'.repeat(1_001) }, '/note'],
    [{ ...NOTE, type: 'refund' }, '/type'],
    [{ ...NOTE, orderIds: [] }, '/orderIds'],
    [{ ...NOTE, orderIds: ['a b'] }, '/orderIds/0'],
    [{ ...NOTE, orderIds: Array.from({ length: 1_001 }, () => 'x') }, '/orderIds'],
    [{ ...NOTE, type: 'cancellation', orderIds: ['x'] }, '/orderIds'],
    [{ ...NOTE, until: '2032-01-01T00:00:00Z' }, '/until'],
  ])('a hold: %j', async (body, pointer) => {
    expect(await ops().post('/v1/ops/holds', body)).toMatchObject(invalid(pointer));
  });

  test('an erasure, and the hold to be released', async () => {
    expect(await ops().post('/v1/ops/erasures', {})).toMatchObject(invalid('/userId'));
    expect(await ops().post('/v1/ops/erasures', { userId: 'a b' })).toMatchObject(invalid('/userId'));
    expect(await ops().delete('/v1/ops/holds/x')).toMatchObject(invalid('/path/id'));
    const nowhere = await ops().delete('/v1/ops/holds/0198c5a0-0000-7000-8000-000000000000');
    expect(nowhere).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('the holds that last are told with the deadlines, and listed alone', async () => {
    const quiet = (await startService()).withScopes('ops');
    const look = async () => (await quiet.get<{ holds: object }>('/v1/ops/deadlines')).body.holds;
    expect(await look()).toEqual({ count: 0, ofAllSince: null });
    const begin = async (body: object) =>
      (await quiet.post<{ id: string; since: string }>('/v1/ops/holds', { ...NOTE, ...body })).body;
    const [ofType, first, second] = [await begin({ type: 'cancellation' }), await begin({}), await begin({})];
    expect(await look()).toEqual({ count: 3, ofAllSince: first.since });
    await quiet.delete(`/v1/ops/holds/${first.id}`);
    expect(await look()).toEqual({ count: 2, ofAllSince: second.since });
    type Page = { data: { id: string }[]; nextCursor: string | null };
    const page = async (query: string) => (await quiet.get<Page>(`/v1/ops/holds?${query}`)).body;
    const newest = await page('status=active&limit=1');
    const rest = await page(`status=active&limit=1&cursor=${newest.nextCursor}`);
    expect([...newest.data, ...rest.data].map(({ id }) => id)).toEqual([second.id, ofType.id]);
    expect(rest.nextCursor).toBeNull();
    expect((await page('')).data).toHaveLength(3);
    expect(await quiet.get(`/v1/ops/holds?cursor=${newest.nextCursor}`)).toMatchObject(invalid('/query/cursor'));
    expect(await quiet.get('/v1/ops/holds?status=released')).toMatchObject(invalid('/query/status'));
  });

  test('a hold says where it is, and is there in capitals, too', async () => {
    const begun = await ops().post<{ id: string }>('/v1/ops/holds', { ...NOTE, orderIds: ['nobody-s'] });
    expect([begun.status, begun.headers['location']]).toEqual([201, `/v1/ops/holds/${begun.body.id}`]);
    const released = await ops().delete<{ hold: object }>(`/v1/ops/holds/${begun.body.id.toUpperCase()}`);
    expect(released.body.hold).toMatchObject({ id: begun.body.id, releasedBy: 'a-service' });
  });
});
