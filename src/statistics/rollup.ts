import { setImmediate as immediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import { expireListed } from '../application/read.ts';
import type { CoreDeps } from '../application/write.ts';
import type { Dispute, Instant } from '../domain/state.ts';
import { disputeAsSeenAt } from '../domain/transition.ts';
import { type Database, isTransient, type Tx, withTx } from '../platform/postgres/database.ts';
import { isolate } from '../platform/postgres/isolate.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { hasUnsequenced, sequenceEntries } from '../store/feed.ts';
import { type Loop, startLoop } from '../workers/loop.ts';
import { type Cell, type Grouping, type Statistics, summarize } from './counts.ts';
import {
  freeze,
  nextPositions,
  overdueIn,
  readCells,
  readStanding,
  rollUpEntries,
  type Span,
  skipEntry,
} from './store.ts';

export type { Span } from './store.ts';

const BATCH = 5_000;
/** As much as a request can wait for; what is left is counted one by one, up to a bound. */
const ROUNDS = 4;
const BEHIND_AT_MOST = 20_000;
const OVERDUE_AT_MOST = 5_000;

export interface RollupDeps {
  readonly db: Database;
  /** Null where an entry that cannot be counted is left to the loop, which passes over it. */
  readonly log: Pick<Logger, 'error'> | null;
}

/** Finds the entry that cannot be counted among the next ones, passes over it and logs it; the others are counted. */
async function rollUpOneByOne(db: Database, log: Pick<Logger, 'error'>): Promise<number> {
  const positions = await nextPositions(db.query, BATCH);
  await isolate([positions], {
    isInOrder: true,
    work: (some) => withTx(db, (tx) => rollUpEntries(tx, some.length, some.at(-1))),
    setAside: async (seq, error) => {
      const isSkipped = await withTx(db, (tx) => skipEntry(tx, seq));
      if (isSkipped) log.error({ err: error, seq }, 'an event cannot be counted in the statistics and was passed over');
    },
  });
  return positions.length;
}

async function rollUpBatch({ db, log }: RollupDeps): Promise<number> {
  try {
    // Not repeated after a commit that may have happened: another round goes on from wherever the position is.
    return await withRetry(() => withTx(db, (tx) => rollUpEntries(tx, BATCH)), { idempotent: false });
  } catch (error) {
    if (log === null || isTransient(error)) throw error;
    return await rollUpOneByOne(db, log);
  }
}

/**
 * Brings the statistics up to the log, in batches, each in a transaction of its own. Any number of processes may do it at
 * once: one of them works.
 * @returns whether nothing is left to do, or another process is doing it
 */
export async function rollUp(deps: RollupDeps, rounds: number): Promise<'more' | 'done'> {
  const { db } = deps;
  for (let round = 0; round < rounds; round += 1) {
    const number = () => withTx(db, (tx) => sequenceEntries(tx, BATCH));
    const numbered = (await hasUnsequenced(db)) ? await withRetry(number, { idempotent: false }) : 0;
    const passed = await rollUpBatch(deps);
    if (numbered < BATCH && passed < BATCH) return 'done';
  }
  return 'more';
}

const INTERVAL_MS = 5_000;
const ROUNDS_OF_LOOP = 10;

/** Rolls the log up into the statistics. A request for them adds what is missing, so that no reader depends on this loop. */
export function startRollup(deps: RollupDeps & { readonly log: Logger }): Loop {
  return startLoop({ name: 'statistics rollup', intervalMs: INTERVAL_MS, log: deps.log }, () =>
    rollUp(deps, ROUNDS_OF_LOOP),
  );
}

/** An open dispute that silence has ended counts as expired, whether or not that has been written. */
function expiry({ type, opener, reason }: Dispute): Cell[] {
  const cell = { type, openerRole: opener.role, reason, responses: new Uint8Array(0) };
  return [
    { ...cell, resolution: null, disputes: -1 },
    { ...cell, resolution: 'expired', disputes: 1 },
  ];
}

interface Counted {
  readonly now: Instant;
  readonly cells: readonly Cell[];
}

async function count(tx: Tx, span: Span): Promise<Counted | null> {
  await freeze(tx);
  const standing = await readStanding(tx, BEHIND_AT_MOST + 1);
  if (standing.behind > BEHIND_AT_MOST) return null;
  const overdue = await overdueIn(tx, span, OVERDUE_AT_MOST + 1);
  if (overdue.length > OVERDUE_AT_MOST) return null;
  const { now, holds } = standing;
  const expired = overdue.filter((dispute) => disputeAsSeenAt(dispute, holds, now).resolved !== null);
  return { now, cells: [...(await readCells(tx, span, standing)), ...expired.flatMap(expiry)] };
}

export interface StatisticsAt extends Statistics {
  readonly now: Instant;
}

/**
 * The statistics of the disputes that were opened in a span, exactly as all of them stand at one moment.
 * @returns null while more is still to be rolled up or to expire than a request can wait for: after an outage, or when
 *   statistics come to a database that has a long log
 */
export async function readStatistics(deps: CoreDeps, span: Span, groupBy: Grouping): Promise<StatisticsAt | null> {
  await expireListed(deps, { partyId: null });
  await rollUp({ db: deps.db, log: null }, ROUNDS);
  const counted = await withRetry(() => withTx(deps.db, (tx) => count(tx, span)), { idempotent: true });
  return counted === null ? null : { now: counted.now, ...(await summarize(counted.cells, groupBy, immediate)) };
}
