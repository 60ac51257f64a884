import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { applyDueDeadlines } from '../../src/application/apply-due.ts';
import type { CoreDeps } from '../../src/application/write.ts';
import { writeSet } from '../../src/application/write.ts';
import { applyDue } from '../../src/domain/transition.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { CommitUnknownError, withTx } from '../../src/platform/postgres/database.ts';
import { LostRaceError } from '../../src/platform/postgres/retry.ts';
import { lockOrders } from '../../src/store/locks.ts';
import { write } from '../../src/store/write-set.ts';
import { sweepOnce } from '../../src/workers/sweeper.ts';
import { captureLog } from '../harness/log.ts';
import { waitFor } from '../harness/wait-for.ts';
import { faultsOf } from '../proofs/races/judge.ts';
import { acting, ask, writeDepsOf } from '../proofs/races/moves.ts';
import { observedDatabase, type Statement } from '../proofs/races/observed-database.ts';
import { CLIENT, FREELANCER, type Stage, setOrder, setStage } from '../proofs/races/stage.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const cancellation = { type: 'cancellation', by: CLIENT } as const;
const overdue = { ...cancellation, overdue: true } as const;

let stage: Stage;
let deps: CoreDeps;
beforeAll(async () => {
  stage = await setStage();
  deps = stage.quiet;
});
afterEach(() => {
  vi.restoreAllMocks();
});

async function row(disputeId: string) {
  const [found] = await stage.database.query<{ status: string; resolution: string | null; version: number }>(
    'SELECT status, resolution, version FROM disputes WHERE id = $1',
    [disputeId],
  );
  return found;
}

/** The write path on connections on which something happens to the first statement that begins in a way. */
function disturbed(start: string, disturb: (statement: Statement) => Promise<unknown>): CoreDeps {
  let isOver = false;
  const db = observedDatabase(stage.database.url, (statement) => {
    if (isOver || !statement.text.startsWith(start)) return statement.send();
    isOver = true;
    return disturb(statement);
  });
  return writeDepsOf(db);
}

const dieBefore = async ({ pid, send }: Statement) => {
  await stage.database.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
  return await send();
};
const dieAfter = async ({ send }: Statement) => {
  await send();
  throw new Error('Connection terminated unexpectedly');
};

describe('the lock of a batch', () => {
  test('is taken in one sequence, whatever the sequence of its disputes', async () => {
    const set = await Promise.all(Array.from({ length: 12 }, () => setOrder(stage, cancellation)));
    const ids = set.map(({ disputeId }) => disputeId).toReversed();
    const locked = await withTx(deps.db, (tx) =>
      lockOrders(
        tx,
        ids.map((disputeId) => ({ target: { disputeId }, partyId: null })),
        'wait',
      ),
    );
    const orderIds = [...locked.keys()];
    expect(orderIds).toHaveLength(12);
    const [sorted] = await stage.database.query(
      'SELECT array_agg(id ORDER BY id) AS ids FROM unnest($1::text[]) AS id',
      [orderIds],
    );
    expect({ ids: orderIds }).toEqual(sorted);
  });

  test.each([
    ['passes over an order that is locked, if told to skip', 'skip', null],
    ['waits for an order that is locked, if told to wait', 'wait', 'expired'],
  ] as const)('%s', async (_promise, busy, resolution) => {
    const held = await setOrder(stage, overdue);
    const free = await setOrder(stage, overdue);
    let letGo: (() => void) | undefined;
    const holder = withTx(deps.db, async (tx) => {
      await lockOrders(tx, [{ target: { orderId: held.orderId }, partyId: null }], 'wait');
      await new Promise<void>((resolve) => {
        letGo = resolve;
      });
    });
    await waitFor('the lock is held', () => letGo);
    const settling = applyDueDeadlines(deps, [held.disputeId, free.disputeId], { trigger: 'sweep', busy });
    if (busy === 'wait') {
      await waitFor('it waits', async () => {
        const waiting = await stage.database.query(
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        return waiting.length > 0;
      });
      letGo?.();
    }
    await settling;
    letGo?.();
    await holder;
    expect((await row(held.disputeId))?.resolution).toBe(resolution);
    expect((await row(free.disputeId))?.resolution).toBe('expired');
  });
});

describe('the instant of a decision', () => {
  test.each([-100 * DAY, 100 * DAY])("does not come from the host's clock, which may be off by %d ms", async (off) => {
    const { disputeId } = await setOrder(stage, cancellation);
    const now = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(now + off);
    const { verdict, at } = await ask(deps, acting(disputeId, FREELANCER, 'accept'));
    expect(verdict).toBe('done');
    expect(Math.abs(at - now)).toBeLessThan(HOUR);
  });

  test('never goes back behind what happened before, also if the clock of the database does', async () => {
    const { orderId, disputeId } = await setOrder(stage, cancellation);
    const [before] = await stage.database.query<{ at: Date }>(
      "UPDATE orders SET updated_at = updated_at + interval '1 hour' WHERE id = $1 RETURNING updated_at AS at",
      [orderId],
    );
    const { verdict, at } = await ask(deps, acting(disputeId, FREELANCER, 'decline'));
    expect([verdict, at]).toEqual(['done', before?.at.getTime()]);
    expect(await faultsOf(stage.database, orderId)).toEqual([]);
  });
});

test('an order that was changed by a clock far ahead does not move the time of its neighbours in a batch', async () => {
  const ahead = await setOrder(stage, cancellation);
  const neighbour = await setOrder(stage, { ...cancellation, windowMs: HOUR / 2 });
  await stage.database.query("UPDATE orders SET updated_at = updated_at + interval '1 hour' WHERE id = $1", [
    ahead.orderId,
  ]);
  const ids = [ahead.disputeId, neighbour.disputeId];
  const due = await applyDueDeadlines(deps, ids, { trigger: 'sweep', busy: 'skip' });
  expect(due.get(neighbour.disputeId)?.outcome).toBe('early');
  expect((await row(neighbour.disputeId))?.resolution).toBeNull();
});

describe('a row that is in another version than the one that was read is not written:', () => {
  test.each([
    ['the order has another version', 'UPDATE orders SET version = version + 5 WHERE id = $1'],
    ['the order has another revision', 'UPDATE orders SET revision = revision + 1 WHERE id = $1'],
    ['the dispute has another version', 'UPDATE disputes SET version = version + 1 WHERE order_id = $1'],
    [
      'the dispute is resolved',
      `UPDATE disputes SET status = 'resolved', resolution = 'declined', resolved_by_role = 'freelancer',
        resolved_at = opened_at WHERE order_id = $1`,
    ],
  ])('%s', async (_name, change) => {
    const { orderId, disputeId } = await setOrder(stage, overdue);
    const found = await deps.find({ orderId }, null);
    if (found === undefined) throw new Error('there is no such order');
    await stage.database.query(change, [orderId]);
    const before = await row(disputeId);
    const set = writeSet(found, applyDue(found, found.now), { requestId: null, traceParent: null }, deps.newId);
    await expect(withTx(deps.db, (tx) => write(tx, set))).rejects.toThrow(LostRaceError);
    expect(await row(disputeId)).toEqual(before);
  });
});

test('a late answer is refused, and the refusal leaves behind what silence did', async () => {
  const { orderId, disputeId } = await setOrder(stage, overdue);
  const { verdict } = await ask(deps, acting(disputeId, FREELANCER, 'accept'));
  expect(verdict).toBe('response_window_closed');
  expect(await row(disputeId)).toMatchObject({ status: 'resolved', resolution: 'expired' });
  expect(await faultsOf(stage.database, orderId)).toEqual([]);
});

describe('all or nothing:', () => {
  test('silence takes effect with its log entry', async () => {
    const { orderId, disputeId } = await setOrder(stage, overdue);
    const settled = await applyDueDeadlines(deps, [disputeId], { trigger: 'job', busy: 'wait' });
    expect(settled.get(disputeId)).toEqual({ outcome: 'settled' });
    expect(await faultsOf(stage.database, orderId)).toEqual([]);
  });

  test('an answer is not kept for a key if its effect was not committed', async () => {
    const { orderId, disputeId } = await setOrder(stage, cancellation);
    let holder: number | undefined;
    let isOver = false;
    // It is the transaction with the lock that dies, whichever others there may be.
    const db = observedDatabase(stage.database.url, (statement) => {
      if (/for update/i.test(statement.text)) holder ??= statement.pid;
      if (isOver || statement.text !== 'COMMIT' || statement.pid !== holder) return statement.send();
      isOver = true;
      return dieBefore(statement);
    });
    const told = await ask(writeDepsOf(db), acting(disputeId, FREELANCER, 'accept'), { key: 'dies' });
    expect(told).toMatchObject({ verdict: 'done', replayed: false });
    expect((await row(disputeId))?.resolution).toBe('accepted');
    expect(await faultsOf(stage.database, orderId)).toEqual([]);
  });
});

describe('after a commit of unknown outcome', () => {
  const commentsOn = (disputeId: string) =>
    stage.database.query("SELECT 1 FROM log_entries WHERE dispute_id = $1 AND type = 'dispute.comment_added'", [
      disputeId,
    ]);

  test.each([
    ['that was done', dieAfter, 1],
    ['that was not done', dieBefore, 0],
  ])('%s, a request without a key is not repeated', async (_name, die, times) => {
    const { disputeId } = await setOrder(stage, cancellation);
    const asked = ask(disturbed('COMMIT', die), acting(disputeId, CLIENT, 'add_comment'));
    await expect(asked).rejects.toThrow(CommitUnknownError);
    expect(await commentsOn(disputeId)).toHaveLength(times);
  });

  test.each([
    ['that was done', dieAfter],
    ['that was not done', dieBefore],
  ])('%s, one with a key is, and has one effect', async (name, die) => {
    const { disputeId } = await setOrder(stage, cancellation);
    // What has taken half a second is not begun again; on a busy machine the first try may take longer.
    const clock = vi.spyOn(performance, 'now').mockReturnValue(performance.now());
    const told = await ask(disturbed('COMMIT', die), acting(disputeId, CLIENT, 'add_comment'), {
      key: name,
    }).finally(() => clock.mockRestore());
    expect(told).toMatchObject({ verdict: 'done', replayed: die === dieAfter });
    expect(await commentsOn(disputeId)).toHaveLength(1);
  });

  test.each([
    ['that was done', dieAfter],
    ['that was not done', dieBefore],
  ])('%s, silence takes effect once', async (_name, die) => {
    const { orderId, disputeId } = await setOrder(stage, overdue);
    await applyDueDeadlines(disturbed('COMMIT', die), [disputeId], { trigger: 'job', busy: 'wait' });
    expect((await row(disputeId))?.resolution).toBe('expired');
    expect(await faultsOf(stage.database, orderId)).toEqual([]);
  });
});

test('the sweeper settles a herd in batches, and says while there is more', async () => {
  const herd = 1_200;
  await stage.database.query(
    `WITH made AS (
       INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
         version, created_at, updated_at)
       SELECT 'herd-' || n, 'user-7', 'user-9', 'in_dispute', 'late', 1, 'EUR', 1, 0, at, at
       FROM generate_series(1, $1) AS n, (SELECT clock_timestamp() - interval '3 days' AS at) AS t RETURNING id, created_at)
     INSERT INTO disputes (id, order_id, client_id, freelancer_id, type, status, opener_role, opened_at, updated_at,
       respond_by, deadline_seq, version)
     SELECT gen_random_uuid(), id, 'user-7', 'user-9', 'cancellation', 'open', 'client', created_at, created_at,
       created_at + interval '2 days', 1, 1 FROM made`,
    [herd],
  );
  const sweeper = { write: deps, metrics: createMetrics('api'), log: captureLog('silent').log };
  const rounds: string[] = [];
  while (rounds.at(-1) !== 'done') rounds.push(await sweepOnce(sweeper));
  expect(rounds[0]).toBe('more');
  // Three full batches; each that a busy machine does not finish in its time is another one.
  expect(rounds.length).toBeLessThan(herd / 50);
  const ends = await stage.database.query(
    `SELECT count(*)::integer AS ended, count(DISTINCT o.id)::integer AS orders FROM log_entries l
     JOIN orders o ON o.id = l.order_id WHERE o.id LIKE 'herd-%' AND o.status = 'mutually_cancelled'
       AND l.type = 'dispute.expired'`,
  );
  expect(ends).toEqual([{ ended: herd, orders: herd }]);
});
