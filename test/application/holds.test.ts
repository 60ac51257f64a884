import { beforeEach, describe, expect, test } from 'vitest';
import { moveReleased } from '../../src/application/holds.ts';
import { withTx } from '../../src/platform/postgres/database.ts';
import { markReleased } from '../../src/store/holds.ts';
import { overdueDisputes } from '../../src/store/overdue.ts';
import { sweepOnce } from '../../src/workers/sweeper.ts';
import { letTimePass } from '../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute, Order, Timeline } from '../harness/types.ts';

const HOUR = 3_600_000;

interface Hold {
  readonly id: string;
  readonly status: string;
  readonly startedAt: string;
  readonly releasedAt: string | null;
}

interface Released {
  readonly hold: Hold;
  readonly moved: number;
  readonly complete: boolean;
}

let service: Service;
// A hold is for everything in its database, so that no test can share one.
beforeEach(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
});

const ops = () => service.withScopes('ops');
const begin = async (scope: object = {}) => (await ops().post<Hold>('/v1/ops/holds', { note: 'Down.', ...scope })).body;
const release = async ({ id }: Hold) => (await ops().delete<Released>(`/v1/ops/holds/${id}`)).body;
/** As a release whose process is killed before it moves the deadlines. */
const releaseUnmoved = ({ id }: Hold) => withTx(service.deps.write.db, (tx) => markReleased(tx, id, 'a-service'));
const read = async (id: string) => (await service.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`)).body;
const ms = (instant: string | null) => Date.parse(instant ?? '');

/** Lets time pass for everything there is. */
async function pass(time: number): Promise<void> {
  for (const { id } of await service.database.query<{ id: string }>('SELECT id FROM disputes')) {
    await letTimePass(service.database, id, time);
  }
  await service.database.query(
    `UPDATE holds SET started_at = started_at - $1::float8 * interval '1 ms',
       released_at = released_at - $1::float8 * interval '1 ms', finished_at = finished_at - $1::float8 * interval '1 ms'`,
    [time],
  );
}

async function stored(id: string) {
  const [row] = await service.database.query<{ due: Date; opened: Date; status: string; seq: number }>(
    'SELECT respond_by AS due, opened_at AS opened, status, deadline_seq AS seq FROM disputes WHERE id = $1',
    [id],
  );
  if (row === undefined) throw new Error('there is no such dispute');
  return row;
}

/** For how long a hold has lasted, as the database has it. */
async function lengthOf({ id }: Hold): Promise<number> {
  const [row] = await service.database.query<{ ms: number }>(
    'SELECT (extract(epoch from released_at - started_at) * 1000)::float8 AS ms FROM holds WHERE id = $1',
    [id],
  );
  return row?.ms ?? Number.NaN;
}

const sweep = () =>
  sweepOnce({ write: service.deps.write, metrics: service.deps.app.system.metrics, log: service.log.log });

describe('releasing a hold', () => {
  test('moves a deadline by exactly the time held, with a line in the timeline and a timer of its own', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const hold = await begin();
    await pass(60 * HOUR);
    const before = (await stored(id)).due.getTime();
    const { moved, complete } = await release(hold);
    expect({ moved, complete }).toEqual({ moved: 1, complete: true });
    const after = await stored(id);
    expect(after.due.getTime() - before).toBe(await lengthOf(hold));
    expect(after.due.getTime() - before).toBeGreaterThanOrEqual(60 * HOUR);
    const { data } = (await service.as(FREELANCER).get<Timeline>(`/v1/disputes/${id}/timeline`)).body;
    expect(data.map(({ action, cause }) => [action, cause.split(':')[0]])).toEqual([
      ['opened', 'request'],
      ['deadline_shifted', 'hold'],
    ]);
    const timers = await service.database.query('SELECT seq, due_at FROM timers ORDER BY seq');
    // That of the old one had passed: its job is due, and finds nothing to do.
    expect(timers).toEqual([{ seq: 2, due_at: after.due }]);
  });

  test('a second time changes nothing', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const hold = await begin();
    await pass(HOUR);
    const first = await release(hold);
    const due = (await stored(id)).due;
    const second = await release(hold);
    expect(second).toMatchObject({ moved: 0, complete: true, hold: { releasedAt: first.hold.releasedAt } });
    expect((await stored(id)).due).toEqual(due);
  });

  test('that does not exist is not found', async () => {
    const unknown = await ops().delete('/v1/ops/holds/01a20000-0000-7000-8000-000000000000');
    expect(unknown).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('counts time in which two holds overlap once', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const before = (await stored(id)).due.getTime();
    const first = await begin();
    await pass(10 * HOUR);
    const second = await begin({ type: 'cancellation' });
    await pass(10 * HOUR);
    expect(await release(first)).toMatchObject({ moved: 0 });
    await pass(40 * HOUR);
    expect((await read(id)).status).toBe('open');
    expect(await release(second)).toMatchObject({ moved: 1, complete: true });
    const [union] = await service.database.query<{ ms: number }>(
      'SELECT (extract(epoch from max(released_at) - min(started_at)) * 1000)::float8 AS ms FROM holds',
    );
    expect((await stored(id)).due.getTime() - (before - 60 * HOUR)).toBe(union?.ms);
    expect(await service.database.query('SELECT 1 FROM holds WHERE finished_at IS NULL')).toEqual([]);
  });

  test('gives a dispute that was opened meanwhile the time since then', async () => {
    const hold = await begin();
    await pass(5 * HOUR);
    const { id } = await seedDispute(service, 'order_update');
    await pass(3 * HOUR);
    const before = await stored(id);
    const { hold: released } = await release(hold);
    expect((await stored(id)).due.getTime() - before.due.getTime()).toBe(
      ms(released.releasedAt) - before.opened.getTime(),
    );
  });

  test('that is killed before the deadlines are moved lets nothing expire early, and is gone on with', async () => {
    const touched = await seedDispute(service, 'cancellation');
    const swept = await seedDispute(service, 'cancellation');
    const hold = await begin();
    await pass(60 * HOUR);
    const due = new Map<string, number>();
    for (const { id } of [touched, swept]) due.set(id, (await stored(id)).due.getTime());
    await releaseUnmoved(hold);
    expect((await read(touched.id)).status).toBe('open');
    await sweep();
    for (const [id, before] of due) expect((await stored(id)).due.getTime() - before).toBe(await lengthOf(hold));
    expect(await moveReleased(service.deps.write, 10)).toEqual({ moved: 0, complete: true });
    const { data } = (await ops().get<{ data: Hold[] }>('/v1/ops/holds')).body;
    expect(data.map(({ status }) => status)).toEqual(['released']);
  });

  test('is not stopped by a dispute that cannot be written', async () => {
    const poisoned = await seedDispute(service, 'cancellation');
    const healthy = await seedDispute(service, 'cancellation');
    const hold = await begin();
    await pass(HOUR);
    await service.database.query(
      `CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$`,
    );
    await service.database.query(
      `CREATE TRIGGER poison BEFORE UPDATE ON disputes FOR EACH ROW WHEN (NEW.id = '${poisoned.id}') EXECUTE FUNCTION poison()`,
    );
    expect(await release(hold)).toMatchObject({ moved: 1, complete: false, hold: { status: 'releasing' } });
    expect((await stored(healthy.id)).seq).toBe(2);
    await service.database.query('DROP TRIGGER poison ON disputes');
    await service.database.query('DELETE FROM deadline_failures');
    expect(await moveReleased(service.deps.write, 10)).toEqual({ moved: 1, complete: true });
    expect((await stored(poisoned.id)).seq).toBe(2);
  });

  test('that lasted no time at all moves nothing and comes to an end', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const hold = await begin();
    await service.database.query("UPDATE holds SET released_at = started_at, released_by = 'x'");
    expect(await release(hold)).toMatchObject({ moved: 0, complete: true, hold: { status: 'released' } });
    expect((await stored(id)).seq).toBe(1);
  });

  test('waits for a clock that was set back, and does not spin', async () => {
    await seedDispute(service, 'cancellation');
    await begin();
    await service.database.query(
      `UPDATE holds SET started_at = started_at + interval '1 hour', released_at = started_at + interval '2 hours', released_by = 'x'`,
    );
    expect(await moveReleased(service.deps.write, 10)).toEqual({ moved: 0, complete: false });
  });
});

describe('a hold', () => {
  test.each([
    ['of a type', () => ({ type: 'cancellation' })],
    ['of orders', (orderId: string) => ({ orderIds: [orderId, 'order-elsewhere'] })],
  ])('%s keeps what it is for, and nothing else', async (_name, scope) => {
    const mine = await seedDispute(service, 'cancellation');
    const other = await seedDispute(service, 'order_update');
    await begin(scope(mine.orderId));
    await pass(50 * HOUR);
    await sweep();
    expect((await stored(mine.id)).status).toBe('open');
    expect((await stored(other.id)).status).toBe('resolved');
  });

  test('that begins after a deadline has passed does not keep silence from taking effect', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await pass(49 * HOUR);
    await begin();
    await sweep();
    expect(await service.database.query('SELECT status, resolution FROM disputes')).toEqual([
      { status: 'resolved', resolution: 'expired' },
    ]);
    expect((await service.as(CLIENT).get<Order>(`/v1/orders/${orderId}`)).body.status).toBe('mutually_cancelled');
    expect(ms((await read(id)).respondBy)).toBe((await stored(id)).due.getTime());
  });

  test.each([
    ['was opened after that', 0, 49, release],
    ['has been moved for that', 5, 55, release],
    ['has not been moved for that yet', 5, 55, releaseUnmoved],
  ])(
    'does not keep it either while an earlier one is not closed, where the deadline %s',
    async (_how, held, later, end) => {
      await begin({ orderIds: ['order-elsewhere'] }); // as long as any lasts, none is closed
      if (held === 0) await release(await begin());
      const { id } = await seedDispute(service, 'cancellation');
      if (held > 0) {
        const earlier = await begin({ type: 'cancellation' });
        await pass(held * HOUR);
        await end(earlier);
      }
      await pass((later - held) * HOUR);
      await begin();
      await sweep();
      expect((await stored(id)).status).toBe('resolved');
    },
  );

  test('keeps what is not due with the time of an earlier one that has still to be counted', async () => {
    await begin({ orderIds: ['order-elsewhere'] });
    const { id } = await seedDispute(service, 'cancellation');
    const earlier = await begin({ type: 'cancellation' });
    await pass(5 * HOUR);
    await releaseUnmoved(earlier);
    await pass(45 * HOUR);
    await begin();
    expect(await overdueDisputes(service.deps.write.db, 10)).toEqual([]);
    await sweep();
    expect((await stored(id)).status).toBe('open');
  });

  test('lets an answer count that comes past the stored deadline', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await begin();
    await pass(60 * HOUR);
    const answer = await service.as(FREELANCER).post<Dispute>(`/v1/disputes/${id}/accept`);
    expect(answer.body).toMatchObject({ status: 'resolved', resolution: 'accepted' });
    expect(ms(answer.body.resolvedAt)).toBeLessThan(ms(answer.body.respondBy));
    expect((await service.as(CLIENT).get<Order>(`/v1/orders/${orderId}`)).body.status).toBe('mutually_cancelled');
  });

  test('is seen alike in detail, list, order and resolution center, and If-Match takes the tag that was read', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await pass(2 * HOUR);
    await begin();
    await pass(60 * HOUR);
    const left = ({ respondBy, serverTime }: Dispute) => ms(respondBy) - ms(serverTime);
    const user = service.as(FREELANCER);
    const detail = await user.get<Dispute>(`/v1/disputes/${id}`);
    const lists = await Promise.all(
      [`/v1/disputes?orderId=${orderId}`, `/v1/orders/${orderId}/disputes`, '/v1/disputes?status=open&awaiting=me'].map(
        async (path) => (await user.get<{ data: Dispute[] }>(path)).body.data,
      ),
    );
    const center = (await user.get<{ openDispute: Dispute }>(`/v1/orders/${orderId}/resolution-center`)).body;
    for (const seen of [detail.body, center.openDispute, ...lists.map(([dispute]) => dispute as Dispute)]) {
      expect(seen).toMatchObject({ id, status: 'open', version: detail.body.version });
      expect(left(seen)).toBe(left(detail.body));
    }
    expect(left(detail.body)).toBeGreaterThan(45 * HOUR);
    const tag = { 'if-match': detail.headers['etag'] ?? '' };
    expect((await user.post<Dispute>(`/v1/disputes/${id}/decline`, {}, tag)).status).toBe(200);
  });

  test('is begun once for a key', async () => {
    const body = { note: 'Down.' };
    const first = await ops().post<Hold>('/v1/ops/holds', body, { 'idempotency-key': 'h' });
    const again = await ops().post<Hold>('/v1/ops/holds', body, { 'idempotency-key': 'h' });
    expect(again.text).toBe(first.text);
    expect(await service.database.query('SELECT 1 FROM holds')).toHaveLength(1);
  });
});
