import { beforeAll, describe, expect, test } from 'vitest';
import { beginHoldIn, type HoldRequest, moveReleased } from '../../../src/application/holds.ts';
import { type Database, withTx } from '../../../src/platform/postgres/database.ts';
import { markReleased } from '../../../src/store/holds.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { createRandom } from '../faults/load/random.ts';
import { faultsOf } from './judge.ts';
import type { Told } from './moves.ts';
import { type Finish, type Played, playAll, playSome, type Racer } from './scheduler.ts';
import {
  act,
  CLIENT,
  FREELANCER,
  job,
  lockInVain,
  open,
  report,
  type Stage,
  setOrder,
  setStage,
  sweep,
  together,
  touch,
} from './stage.ts';

// How many of each are played; all of them, `RACES=all`, take minutes.
const ALL = process.env['RACES'] === 'all';
const SOME = Number(process.env['RACES'] ?? 12);
const SEED = Number(process.env['RACES_SEED'] ?? Date.now() % 1_000_000);

const ANY_TIME = 'at any time';

let stage: Stage;
beforeAll(async () => {
  stage = await setStage();
});

interface Setup {
  readonly orderId: string;
  /** A second order that is raced for, if there is one. */
  readonly otherId?: string;
  readonly racers: readonly Racer[];
}

const isTold = (value: unknown): value is Told => typeof value === 'object' && value !== null && 'verdict' in value;

/** What each of those who asked was told. */
function toldIn(played: Played): Readonly<Record<string, Told | undefined>> {
  const told = Object.entries(played.finishes).flatMap(([name, finish]): [string, Told][] => {
    if (!('result' in finish)) return [];
    const { result } = finish;
    if (Array.isArray(result)) return result.filter(isTold).map((one, index) => [`${name} ${index}`, one]);
    return isTold(result) ? [[name, result]] : [];
  });
  return Object.fromEntries(told);
}

const verdictsIn = (played: Played): string[] =>
  Object.values(toldIn(played))
    .map((told) => told?.verdict ?? '')
    .toSorted((a, b) => a.localeCompare(b));

async function resolutionsOf(orderId: string): Promise<(string | null)[]> {
  const rows = await stage.database.query<{ resolution: string | null }>(
    'SELECT resolution FROM disputes WHERE order_id = $1 ORDER BY opened_at, id',
    [orderId],
  );
  return rows.map(({ resolution }) => resolution);
}

/** What holds for all of them: none fails, exactly those answered `done` took effect, and no rows contradict each other. */
async function judge({ orderId, otherId }: Setup, played: Played): Promise<void> {
  const failed = Object.entries(played.finishes).filter(([, finish]) => 'error' in finish);
  expect(failed).toEqual([]);
  for (const id of [orderId, otherId ?? orderId]) expect(await faultsOf(stage.database, id)).toEqual([]);
  for (const [name, told] of Object.entries(toldIn(played))) {
    if (told === undefined) continue;
    const effects = await stage.database.query('SELECT 1 FROM log_entries WHERE cause = $1', [
      `request:${told.requestId}`,
    ]);
    if (told.verdict !== 'done' || told.replayed) expect([name, effects.length]).toEqual([name, 0]);
    // An instant from before the lock was granted would judge by a time at which another command was still being decided.
    if (!Number.isNaN(told.at) && !told.replayed) expect(told.at).toBeGreaterThanOrEqual(stage.lockedAt.get(name) ?? 0);
  }
}

/** Plays interleavings of what is set up: all of them, or some. */
function race(
  promise: string,
  setUp: () => Promise<Setup>,
  check: (played: Played, setup: Setup) => void | Promise<void>,
): void {
  test(promise, async () => {
    let setup: Setup | undefined;
    const prepare = async () => {
      stage.clear();
      setup = await setUp();
      return setup.racers;
    };
    const judgeOne = async (played: Played) => {
      if (setup === undefined) throw new Error('nothing was set up');
      await judge(setup, played);
      await check(played, setup);
    };
    const tree = { scheduler: stage.scheduler, prepare, judge: judgeOne };
    const count = ALL ? await playAll(tree) : await playSome(tree, SOME, createRandom(SEED));
    console.log(`${promise}: ${count} interleavings${ALL ? '' : `, drawn with RACES_SEED=${SEED}`}`);
  }, 600_000);
}

const cancellation = { type: 'cancellation', by: CLIENT } as const;
const overdue = { ...cancellation, overdue: true } as const;
const racer: Stage['racer'] = (...args) => stage.racer(...args);

describe('an open dispute', () => {
  race(
    'ends once when its respondent accepts and declines and its opener withdraws',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, cancellation);
      return {
        orderId,
        racers: [
          racer('accept', act(disputeId, FREELANCER, 'accept')),
          racer('decline', act(disputeId, FREELANCER, 'decline')),
          racer('withdraw', act(disputeId, CLIENT, 'withdraw')),
        ],
      };
    },
    (played) => {
      expect(verdictsIn(played)).toEqual(['dispute_not_open', 'dispute_not_open', 'done']);
    },
  );

  race(
    'is either answered or superseded when the order service reports the end of the order',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, cancellation);
      return {
        orderId,
        racers: [
          racer('accept', act(disputeId, FREELANCER, 'accept')),
          racer('report', report(orderId, 'completed', 2)),
        ],
      };
    },
    async (played, { orderId }) => {
      const { accept, report: reported } = toldIn(played);
      expect(reported?.verdict).toBe('done');
      const [resolution] = await resolutionsOf(orderId);
      expect([accept?.verdict, resolution]).toEqual(
        accept?.verdict === 'done' ? ['done', 'accepted'] : ['dispute_not_open', 'superseded'],
      );
    },
  );

  race(
    'takes one effect from an accept that is sent twice with one key',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, cancellation);
      const key = { key: orderId };
      return {
        orderId,
        racers: [
          racer('first', act(disputeId, FREELANCER, 'accept', key)),
          racer('again', act(disputeId, FREELANCER, 'accept', key)),
          racer('other', act(disputeId, FREELANCER, 'accept', { ...key, fingerprint: 'another' })),
        ],
      };
    },
    async (played, { orderId }) => {
      const { first, again, other } = toldIn(played);
      const same = [first, again];
      for (const told of [...same, other]) {
        expect(['done', 'key_in_use', 'key_reused', 'dispute_not_open']).toContain(told?.verdict);
      }
      const fresh = [first, again, other].filter((told) => told?.verdict === 'done' && !told.replayed);
      expect(fresh).toHaveLength(1);
      for (const told of same) expect(told?.verdict).not.toBe('dispute_not_open');
      expect(await resolutionsOf(orderId)).toEqual(['accepted']);
    },
  );

  race(
    'takes one effect from an accept with a key whose connection is killed anywhere',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, cancellation);
      return {
        orderId,
        racers: [
          racer('accept', act(disputeId, FREELANCER, 'accept', { key: orderId })),
          racer(
            'killer',
            async () => {
              const pid = stage.pidOf('accept');
              if (pid !== undefined) await stage.database.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
            },
            ANY_TIME,
          ),
        ],
      };
    },
    async (played, { orderId }) => {
      expect(verdictsIn(played)).toEqual(['done']);
      expect(await resolutionsOf(orderId)).toEqual(['accepted']);
    },
  );
});

describe('an order', () => {
  race(
    'has one dispute when both parties open one',
    async () => {
      const { orderId } = await setOrder(stage);
      return {
        orderId,
        racers: [
          racer('client', open(orderId, CLIENT, 'order_update')),
          racer('freelancer', open(orderId, FREELANCER, 'cancellation')),
          racer('change', open(orderId, FREELANCER, 'order_change')),
        ],
      };
    },
    async (played, { orderId }) => {
      expect(verdictsIn(played)).toEqual(['dispute_already_open', 'dispute_already_open', 'done']);
      expect(await resolutionsOf(orderId)).toEqual([null]);
    },
  );

  race(
    'is made once when its first report comes twice',
    async () => {
      const orderId = `new-${Math.random()}`;
      return {
        orderId,
        racers: [racer('first', report(orderId, 'late', 1)), racer('again', report(orderId, 'late', 1))],
      };
    },
    (played) => expect(verdictsIn(played)).toEqual(['done', 'done']),
  );

  race(
    'has the later of two reports, and what was opened between them',
    async () => {
      const { orderId } = await setOrder(stage);
      return {
        orderId,
        racers: [
          racer('second', report(orderId, 'late', 2)),
          racer('third', report(orderId, 'delivered', 3)),
          racer('open', open(orderId, CLIENT, 'cancellation')),
        ],
      };
    },
    async (played, { orderId }) => {
      const { second, third, open: opened } = toldIn(played);
      expect([third?.verdict, opened?.verdict]).toEqual(['done', 'done']);
      expect(['done', 'stale_revision']).toContain(second?.verdict);
      const [row] = await stage.database.query(
        'SELECT reported_status AS s, revision::int AS r FROM orders WHERE id = $1',
        [orderId],
      );
      expect(row).toEqual({ s: 'delivered', r: 3 });
    },
  );
});

describe('an overdue dispute', () => {
  race(
    'expires once when sweeper, job and reader come upon it, and the reader sees it expired',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, overdue);
      return {
        orderId,
        racers: [
          racer('sweep', sweep(), ANY_TIME),
          racer('job', job(disputeId)),
          racer('touch', touch(disputeId), ANY_TIME),
        ],
      };
    },
    async (played, { orderId }) => {
      expect(played.finishes['touch']).toEqual({ result: 'expired' } satisfies Finish);
      expect(await resolutionsOf(orderId)).toEqual(['expired']);
    },
  );

  race(
    'takes no answer, also while it is being settled and where the lock holder rolls back',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, overdue);
      return {
        orderId,
        racers: [
          racer('accept', act(disputeId, FREELANCER, 'accept')),
          racer('job', job(disputeId)),
          racer('in vain', lockInVain(orderId)),
        ],
      };
    },
    async (played, { orderId }) => {
      expect(verdictsIn(played)).toEqual(['response_window_closed']);
      expect(await resolutionsOf(orderId)).toEqual(['expired']);
    },
  );

  race(
    'makes way for the next one, once',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, { type: 'order_update', by: CLIENT, overdue: true });
      return {
        orderId,
        racers: [
          racer('next', open(orderId, FREELANCER, 'cancellation')),
          racer('another', open(orderId, CLIENT, 'order_update')),
          racer('job', job(disputeId)),
        ],
      };
    },
    async (played, { orderId }) => {
      expect(verdictsIn(played)).toEqual(['dispute_already_open', 'done']);
      expect(await resolutionsOf(orderId)).toEqual(['expired', null]);
    },
  );
});

describe('a deadline that passes meanwhile', () => {
  const WINDOW_MS = 60;
  race(
    'decides by the clock after the lock was granted, also where the one before gives it back',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, { ...cancellation, windowMs: WINDOW_MS });
      return {
        orderId,
        racers: [
          racer('in vain', lockInVain(orderId)),
          racer('accept', act(disputeId, FREELANCER, 'accept')),
          racer(
            'clock',
            () =>
              waitFor('the deadline passes', async () => {
                const [row] = await stage.database.query<{ due: boolean }>(
                  'SELECT respond_by <= clock_timestamp() AS due FROM disputes WHERE id = $1',
                  [disputeId],
                );
                return row?.due;
              }),
            ANY_TIME,
          ),
        ],
      };
    },
    async (played, { orderId }) => {
      const [verdict] = verdictsIn(played);
      expect(['done', 'response_window_closed']).toContain(verdict);
      const [resolution] = await resolutionsOf(orderId);
      expect(resolution).toBe(verdict === 'done' ? 'accepted' : 'expired');
    },
  );
});

describe('a hold', () => {
  const holdOn = (orderId: string): HoldRequest => ({
    type: null,
    orderIds: [orderId],
    note: 'Down.',
    createdBy: 'ops',
    since: null,
  });

  /** A dispute whose stored deadline has passed while it was held, with half of its time left. */
  async function heldOrder(): Promise<{ orderId: string; disputeId: string; holdId: string }> {
    const { orderId, disputeId } = await setOrder(stage, overdue);
    const holdId = stage.quiet.newId();
    await withTx(stage.quiet.db, (tx) => beginHoldIn(tx, holdId, holdOn(orderId)));
    await stage.database.query(`UPDATE holds SET since = since - interval '25 hours' WHERE id = $1`, [holdId]);
    return { orderId, disputeId, holdId };
  }

  race(
    'that is released lets nothing expire before its moved deadline, and loses no answer',
    async () => {
      const { orderId, disputeId, holdId } = await heldOrder();
      return {
        orderId,
        racers: [
          racer('release', async (deps, db) => {
            await withTx(db, (tx) => markReleased(tx, holdId, 'ops'));
            await moveReleased(deps, 10);
          }),
          racer('accept', act(disputeId, FREELANCER, 'accept')),
          racer('job', job(disputeId)),
        ],
      };
    },
    async (played, { orderId }) => {
      expect(verdictsIn(played)).toEqual(['done']);
      expect(await resolutionsOf(orderId)).toEqual(['accepted']);
    },
  );

  race(
    'moves a deadline once, in either order',
    async () => {
      const { orderId, disputeId, holdId } = await heldOrder();
      await withTx(stage.quiet.db, (tx) => markReleased(tx, holdId, 'ops'));
      return {
        orderId,
        racers: [
          racer('keeper', (deps) => moveReleased(deps, 10), ANY_TIME),
          racer('sweep', sweep(), ANY_TIME),
          racer('job', job(disputeId)),
        ],
      };
    },
    async (_played, { orderId }) => {
      const [row] = await stage.database.query(
        `SELECT respond_by - opened_at = interval '48 hours' + h.released_at - h.since AS exact, deadline_seq AS seq
         FROM disputes d JOIN holds h ON d.order_id = ANY (h.order_ids) WHERE d.order_id = $1`,
        [orderId],
      );
      expect(row).toEqual({ exact: true, seq: 2 });
    },
  );

  race(
    'that begins keeps a dispute or comes too late, and nothing in between',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, overdue);
      return {
        orderId,
        racers: [
          racer('begin', (_deps, db) => withTx(db, (tx) => beginHoldIn(tx, stage.quiet.newId(), holdOn(orderId)))),
          racer('job', job(disputeId)),
        ],
      };
    },
    async (_played, { orderId }) => expect(await resolutionsOf(orderId)).toEqual(['expired']),
  );

  race(
    'that begins for the time of an outage keeps what has not been settled, and leaves what has',
    async () => {
      const { orderId, disputeId } = await setOrder(stage, overdue);
      const since = Date.now() - 72 * 3_600_000;
      const begin = (db: Database) =>
        withTx(db, (tx) => beginHoldIn(tx, stage.quiet.newId(), { ...holdOn(orderId), since }));
      return {
        orderId,
        racers: [racer('begin', (_deps, db) => begin(db)), racer('job', job(disputeId)), racer('sweep', sweep())],
      };
    },
    async (_played, { orderId }) => {
      const [row] = await stage.database.query<{ resolution: string | null; entries: number }>(
        `SELECT resolution, (SELECT count(*)::integer FROM log_entries l
           WHERE l.dispute_id = d.id AND l.type LIKE 'dispute.%') AS entries
         FROM disputes d WHERE order_id = $1`,
        [orderId],
      );
      expect([
        { resolution: 'expired', entries: 2 },
        { resolution: null, entries: 1 },
      ]).toContainEqual(row);
    },
  );
});

describe('commands that arrive together', () => {
  /** Two open cancellations of different orders. */
  async function two() {
    const first = await setOrder(stage, cancellation);
    const second = await setOrder(stage, cancellation);
    return { first, second };
  }
  /** What was told about one of the two, by all batches. */
  const verdictsOf = (played: Played, ...names: readonly string[]) =>
    names.map((name) => toldIn(played)[name]?.verdict ?? '').toSorted((a, b) => a.localeCompare(b));

  race(
    'at two processes, for the same orders in another sequence, end each dispute once',
    async () => {
      const { first, second } = await two();
      return {
        orderId: first.orderId,
        otherId: second.orderId,
        racers: [
          racer(
            'one',
            together(act(first.disputeId, FREELANCER, 'accept'), act(second.disputeId, FREELANCER, 'accept')),
          ),
          racer('other', together(act(second.disputeId, CLIENT, 'withdraw'), act(first.disputeId, CLIENT, 'withdraw'))),
        ],
      };
    },
    (played) => {
      expect(verdictsOf(played, 'one 0', 'other 1')).toEqual(['dispute_not_open', 'done']);
      expect(verdictsOf(played, 'one 1', 'other 0')).toEqual(['dispute_not_open', 'done']);
    },
  );

  race(
    'decide each for itself beside a command alone and a transaction that rolls back',
    async () => {
      const { first, second } = await two();
      return {
        orderId: first.orderId,
        otherId: second.orderId,
        racers: [
          racer(
            'batch',
            together(act(first.disputeId, FREELANCER, 'accept'), act(second.disputeId, FREELANCER, 'accept')),
          ),
          racer('alone', act(first.disputeId, CLIENT, 'withdraw')),
          racer('in vain', lockInVain(second.orderId)),
        ],
      };
    },
    (played) => {
      expect(verdictsOf(played, 'batch 0', 'alone')).toEqual(['dispute_not_open', 'done']);
      expect(verdictsOf(played, 'batch 1')).toEqual(['done']);
    },
  );

  race(
    'with one key at two processes take one effect',
    async () => {
      const { first, second } = await two();
      const key = { key: first.orderId };
      return {
        orderId: first.orderId,
        otherId: second.orderId,
        racers: [
          racer(
            'one',
            together(act(first.disputeId, FREELANCER, 'accept', key), act(second.disputeId, FREELANCER, 'decline')),
          ),
          racer(
            'other',
            together(act(first.disputeId, FREELANCER, 'accept', key), act(second.disputeId, CLIENT, 'withdraw')),
          ),
        ],
      };
    },
    (played) => {
      const same = [toldIn(played)['one 0'], toldIn(played)['other 0']];
      expect(same.filter((told) => told?.verdict === 'done' && !told.replayed)).toHaveLength(1);
      for (const told of same) expect(['done', 'key_in_use']).toContain(told?.verdict);
      expect(verdictsOf(played, 'one 1', 'other 1')).toEqual(['dispute_not_open', 'done']);
    },
  );

  race(
    'on a connection that is killed anywhere take one effect each, where they have keys',
    async () => {
      const { first, second } = await two();
      return {
        orderId: first.orderId,
        otherId: second.orderId,
        racers: [
          racer(
            'batch',
            together(
              act(first.disputeId, FREELANCER, 'accept', { key: first.orderId }),
              act(second.disputeId, FREELANCER, 'accept', { key: second.orderId }),
            ),
          ),
          racer(
            'killer',
            async () => {
              const pid = stage.pidOf('batch');
              if (pid !== undefined) await stage.database.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
            },
            ANY_TIME,
          ),
        ],
      };
    },
    async (played, { orderId, otherId = '' }) => {
      expect(verdictsIn(played)).toEqual(['done', 'done']);
      expect([await resolutionsOf(orderId), await resolutionsOf(otherId)]).toEqual([['accepted'], ['accepted']]);
    },
  );

  race(
    'and deadlines that are due on the same orders leave each dispute with one end',
    async () => {
      const first = await setOrder(stage, overdue);
      const second = await setOrder(stage, cancellation);
      return {
        orderId: first.orderId,
        otherId: second.orderId,
        racers: [
          racer(
            'batch',
            together(act(first.disputeId, FREELANCER, 'accept'), act(second.disputeId, FREELANCER, 'accept')),
          ),
          racer('job', job(second.disputeId, first.disputeId)),
        ],
      };
    },
    (played) => {
      expect(verdictsOf(played, 'batch 0')).toEqual(['response_window_closed']);
      expect(verdictsOf(played, 'batch 1')).toEqual(['done']);
    },
  );
});

describe('two batches of deadlines', () => {
  race(
    'that name the same disputes the other way round both get through',
    async () => {
      const first = await setOrder(stage, overdue);
      const second = await setOrder(stage, overdue);
      return {
        orderId: first.orderId,
        racers: [
          racer('forwards', job(first.disputeId, second.disputeId)),
          racer('backwards', job(second.disputeId, first.disputeId)),
        ],
      };
    },
    async (_played, { orderId }) => expect(await resolutionsOf(orderId)).toEqual(['expired']),
  );
});
