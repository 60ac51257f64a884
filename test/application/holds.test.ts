import { beforeEach, describe, expect, test } from 'vitest';
import { moveReleased } from '../../src/application/holds.ts';
import { withTx } from '../../src/platform/postgres/database.ts';
import { overdueDisputes } from '../../src/store/due/overdue.ts';
import { finishHolds } from '../../src/store/due/released.ts';
import { markReleased } from '../../src/store/holds.ts';
import { moveOn } from '../../src/workers/hold-release.ts';
import { sweepOnce } from '../../src/workers/sweeper.ts';
import { letTimePass } from '../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute, Order, Timeline } from '../harness/types.ts';

const HOUR = 3_600_000;

interface Hold {
  readonly id: string;
  readonly status: string;
  readonly since: string;
  readonly createdAt: string;
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
    `UPDATE holds SET since = since - $1::float8 * interval '1 ms', created_at = created_at - $1::float8 * interval '1 ms',
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
    'SELECT (extract(epoch from released_at - since) * 1000)::float8 AS ms FROM holds WHERE id = $1',
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
      'SELECT (extract(epoch from max(released_at) - min(since)) * 1000)::float8 AS ms FROM holds',
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

  test.each([2, 3, 5])('moves each of %i deadlines once, in batches of two', async (count) => {
    for (let n = 0; n < count; n += 1) await seedDispute(service, 'cancellation');
    const hold = await begin();
    await pass(HOUR);
    await releaseUnmoved(hold);
    const first = Math.min(2, count);
    expect(await moveReleased(service.deps.write, 1, 2)).toEqual({ moved: first, complete: false });
    expect(await moveReleased(service.deps.write, 10, 2)).toEqual({ moved: count - first, complete: true });
    const seqs = await service.database.query('SELECT deadline_seq AS seq FROM disputes');
    expect(seqs).toEqual(Array(count).fill({ seq: 2 }));
    expect(await service.database.query('SELECT 1 FROM holds WHERE finished_at IS NULL')).toEqual([]);
  });

  test('is gone on with at once while deadlines are left, and looked for rarely while another hold keeps it open', async () => {
    const { write } = service.deps;
    expect(await moveOn(write)).toBe('soon');
    const lasting = await begin({ orderIds: ['order-elsewhere'] });
    for (let n = 0; n < 2; n += 1) await seedDispute(service, 'cancellation');
    await releaseUnmoved(await begin({ type: 'cancellation' }));
    expect(await moveOn(write, 1)).toBe('more');
    expect(await moveOn(write)).toBe('done');
    await releaseUnmoved(lasting);
    expect(await moveOn(write)).toBe('soon');
    expect(await service.database.query('SELECT 1 FROM holds WHERE finished_at IS NULL')).toEqual([]);
  });

  test('does not close it where another was released while its disputes were looked for', async () => {
    const [first, second] = [await begin(), await begin()];
    await releaseUnmoved(first);
    await releaseUnmoved(second);
    const open = () => service.database.query('SELECT 1 FROM holds WHERE finished_at IS NULL');
    await withTx(service.deps.write.db, (tx) => finishHolds(tx, [first.id]));
    expect(await open()).toHaveLength(2);
    await withTx(service.deps.write.db, (tx) => finishHolds(tx, [first.id, second.id]));
    expect(await open()).toEqual([]);
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
    await service.database.query("UPDATE holds SET released_at = since, released_by = 'x'");
    expect(await release(hold)).toMatchObject({ moved: 0, complete: true, hold: { status: 'released' } });
    expect((await stored(id)).seq).toBe(1);
  });

  test('waits for a clock that was set back, and does not spin', async () => {
    await seedDispute(service, 'cancellation');
    await begin();
    await service.database.query(
      `UPDATE holds SET since = since + interval '1 hour', created_at = created_at + interval '1 hour',
         released_at = since + interval '2 hours', released_by = 'x'`,
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
    const before = await read(id);
    const { since } = await begin();
    await pass(60 * HOUR);
    const user = service.as(FREELANCER);
    const detail = await user.get<Dispute>(`/v1/disputes/${id}`);
    const lists = await Promise.all(
      [`/v1/disputes?orderId=${orderId}`, `/v1/orders/${orderId}/disputes`, '/v1/disputes?status=open&awaiting=me'].map(
        async (path) => (await user.get<{ data: Dispute[] }>(path)).body.data,
      ),
    );
    const center = (await user.get<{ openDispute: Dispute; order: Order }>(`/v1/orders/${orderId}/resolution-center`))
      .body;
    for (const seen of [center.openDispute, ...lists.map(([dispute]) => dispute as Dispute)]) {
      expect({ ...seen, serverTime: '' }).toEqual({ ...detail.body, serverTime: '' });
    }
    const { version, respondBy, held } = detail.body;
    expect([version, center.order.openDispute?.held]).toEqual([before.version, held]);
    // The test has moved the past by sixty hours.
    expect(ms(held?.since ?? null)).toBe(ms(since) - 60 * HOUR);
    expect(ms(respondBy) - ms(held?.since ?? null)).toBeGreaterThan(45 * HOUR);
    expect(detail.body.viewer?.allowedActions.map(({ action }) => action)).toEqual(['accept', 'decline']);
    const tag = { 'if-match': detail.headers['etag'] ?? '' };
    expect((await user.post<Dispute>(`/v1/disputes/${id}/decline`, {}, tag)).status).toBe(200);
  });

  test('changes the entity tag when it begins and when it ends, and not while it lasts', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const tagOf = async () => (await service.as(CLIENT).get(`/v1/disputes/${id}`)).headers['etag'];
    const free = await tagOf();
    const hold = await begin();
    const held = await tagOf();
    expect(await tagOf()).toBe(held);
    const same = { 'if-none-match': held ?? '' };
    expect((await service.as(CLIENT).get(`/v1/disputes/${id}`, same)).status).toBe(304);
    await release(hold);
    expect(new Set([free, held, await tagOf()]).size).toBe(3);
  });

  test('is begun once for a key', async () => {
    const body = { note: 'Down.' };
    const first = await ops().post<Hold>('/v1/ops/holds', body, { 'idempotency-key': 'h' });
    const again = await ops().post<Hold>('/v1/ops/holds', body, { 'idempotency-key': 'h' });
    expect(again.text).toBe(first.text);
    expect(await service.database.query('SELECT 1 FROM holds')).toHaveLength(1);
  });
});

describe('while a hold lasts, and after it was released', () => {
  /** Lists all disputes as a service, and checks them against what they show. */
  async function check(): Promise<Dispute[]> {
    const list = async (query: string) =>
      (await service.withScopes('disputes:read').get<{ data: Dispute[] }>(`/v1/disputes?${query}`)).body.data;
    const all = await list('sort=openedAt');
    const shown = (dispute: Dispute | undefined) => [dispute?.id, dispute?.respondBy, dispute?.updatedAt];
    for (const sort of ['respondBy', 'updatedAt'] as const) {
      const sorted = await list(`sort=${sort}`);
      const values = sorted.map((dispute) => ms(dispute[sort]));
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      expect(sorted.map(shown)).toEqual(expect.arrayContaining(all.map(shown)));
    }
    for (const bound of all.flatMap(({ respondBy }) => [ms(respondBy), ms(respondBy) + 1])) {
      const expected = all.filter(({ respondBy }) => ms(respondBy) < bound).map(({ id }) => id);
      const found = await list(`respondByBefore=${new Date(bound).toISOString()}&sort=openedAt`);
      expect(found.map(({ id }) => id)).toEqual(expected);
    }
    for (const bound of all.map(({ updatedAt }) => ms(updatedAt))) {
      const expected = all.filter(({ updatedAt }) => ms(updatedAt) >= bound).map(({ id }) => id);
      const found = await list(`updatedAfter=${new Date(bound).toISOString()}&sort=openedAt`);
      expect(found.map(({ id }) => id)).toEqual(expected);
    }
    return all;
  }

  test('lists filter and sort by what they show, also before the deadlines are moved', async () => {
    const early = await seedDispute(service, 'cancellation');
    await pass(10 * HOUR);
    await seedDispute(service, 'order_update');
    const hold = await begin({ type: 'cancellation' });
    await pass(20 * HOUR);
    await seedDispute(service, 'cancellation');
    expect((await check()).map(({ held }) => held !== null)).toEqual([true, false, true]);
    await pass(15 * HOUR);
    await check();
    await releaseUnmoved(hold);
    const moved = await check();
    expect(moved.map(({ held }) => held)).toEqual([null, null, null]);
    expect(ms(moved[0]?.respondBy ?? null) - (await stored(early.id)).due.getTime()).toBe(0);
    await sweep();
    expect((await check()).map(({ etag }) => etag)).toEqual(moved.map(({ etag }) => etag));
  });

  test('one that cannot be moved yet is shown as it is stored, and as held', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const hold = await begin();
    await pass(60 * HOUR);
    const before = await read(id);
    await service.database.query('ALTER TABLE disputes ADD CONSTRAINT says_no CHECK (version < 2) NOT VALID');
    await releaseUnmoved(hold);
    const [listed] = await check();
    expect(listed).toMatchObject({ respondBy: before.respondBy, version: before.version, held: before.held });
    expect((await read(id)).held).toEqual(before.held);
  });
});

describe('a hold that counts from a time before it was begun', () => {
  const DAY = 24 * HOUR;
  const ago = (time: number) => new Date(Date.now() - time).toISOString();
  const moved = async (id: string) => {
    const { due, opened } = await stored(id);
    return due.getTime() - opened.getTime() - 48 * HOUR;
  };

  test('opens again what is past its deadline and unsettled, moved by the time since then, and not what is resolved', async () => {
    const settled = await seedDispute(service, 'cancellation');
    await pass(49 * HOUR);
    await sweep();
    const open = await seedDispute(service, 'cancellation');
    await pass(49 * HOUR);
    const hold = await begin({ since: ago(3 * HOUR) });
    expect(await overdueDisputes(service.deps.write.db, 10)).toEqual([]);
    await sweep();
    expect(await read(open.id)).toMatchObject({ status: 'open', held: { since: hold.since } });
    expect((await read(settled.id)).resolution).toBe('expired');
    await release(hold);
    expect(await moved(open.id)).toBe(await lengthOf(hold));
    expect((await stored(settled.id)).status).toBe('resolved');
    const answer = await service.as(FREELANCER).post<Dispute>(`/v1/disputes/${open.id}/decline`);
    expect(answer.body.resolution).toBe('declined');
  });

  test('counts from the opening of what was opened since, and once where another has been counted', async () => {
    const old = await seedDispute(service, 'cancellation');
    await pass(2 * HOUR);
    const first = await begin();
    await pass(4 * HOUR);
    await release(first);
    expect(await service.database.query('SELECT 1 FROM holds WHERE finished_at IS NULL')).toEqual([]);
    await pass(2 * HOUR);
    const young = await seedDispute(service, 'order_update');
    await pass(HOUR);
    const second = await begin({ since: ago(5 * HOUR) });
    expect(await release(second)).toMatchObject({ moved: 2, complete: true });
    const [union] = await service.database.query<{ ms: number }>(
      'SELECT (extract(epoch from max(released_at) - min(since)) * 1000)::float8 AS ms FROM holds',
    );
    expect(await moved(old.id)).toBe(union?.ms);
    const opened = (await stored(young.id)).opened.getTime();
    expect(await moved(young.id)).toBe(ms((await release(second)).hold.releasedAt) - opened);
  });

  test.each([
    ['seven days', 7 * DAY - 60_000, 201],
    ['more than seven days', 7 * DAY + 1, 400],
    ['the future', -60_000, 400],
  ])('is possible or refused: %s', async (_name, back, status) => {
    const answer = await ops().post<Hold>('/v1/ops/holds', { note: 'Down.', since: ago(back) });
    expect(answer.status).toBe(status);
    if (status === 400) {
      const code = back < 0 ? 'too_big' : 'too_small';
      expect(answer.problem).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/since', code }] });
    }
  });
});

test('the list of holds comes in pages of at most a megabyte, newest first', async () => {
  const orderIds = Array.from({ length: 1_000 }, (_, index) => `${'o'.repeat(120)}-${index}`);
  await service.database.query(
    `INSERT INTO holds (id, order_ids, note, created_by, since, created_at)
     SELECT gen_random_uuid(), $1, n::text, 'ops', now() - n * interval '1 s', now() - n * interval '1 s' FROM generate_series(1, 25) n`,
    [orderIds],
  );
  const notes: number[] = [];
  for (let query = '?limit=100'; query !== ''; ) {
    const page = await ops().get<{ data: { note: string }[]; nextCursor: string | null }>(`/v1/ops/holds${query}`);
    expect(page.text.length).toBeLessThan(1_100_000);
    notes.push(...page.body.data.map(({ note }) => Number(note)));
    query = page.body.nextCursor === null ? '' : `?limit=100&cursor=${page.body.nextCursor}`;
  }
  expect(notes).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
  expect((await ops().get('/v1/ops/holds?cursor=bm90')).code).toBe('validation_failed');
});
