import { setImmediate as immediate } from 'node:timers/promises';
import type { Logger } from 'pino';
import { expireListed } from '../application/read.ts';
import type { CoreDeps } from '../application/write.ts';
import type { Dispute, Instant } from '../domain/state.ts';
import { disputeAsSeenAt } from '../domain/transition.ts';
import { type Database, type Tx, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { hasUnsequenced, sequenceEntries } from '../store/feed.ts';
import { type Loop, startLoop } from '../workers/loop.ts';
import { type Cell, type Grouping, type Statistics, summarize } from './counts.ts';
import { freeze, overdueIn, readCells, readStanding, rollUpEntries, type Span } from './store.ts';

export type { Span } from './store.ts';

const BATCH = 5_000;
/** As much as somebody who asks can wait for; what is left is counted one by one, up to a bound. */
const ROUNDS = 4;
const BEHIND_AT_MOST = 20_000;
const OVERDUE_AT_MOST = 5_000;

/**
 * Brings the statistics up to the log, in batches, each in a transaction of its own. Any number of processes may do it at
 * once: one of them works.
 * @returns whether nothing is left to do, or somebody else is doing it
 */
export async function rollUp(db: Database, rounds: number): Promise<'more' | 'done'> {
  for (let round = 0; round < rounds; round += 1) {
    const numbered = (await hasUnsequenced(db)) ? await withTx(db, (tx) => sequenceEntries(tx, BATCH)) : 0;
    // Not to be repeated after a commit that may have happened: another round goes on from wherever the position is.
    const passed = await withTx(db, (tx) => rollUpEntries(tx, BATCH));
    if (numbered < BATCH && passed < BATCH) return 'done';
  }
  return 'more';
}

const INTERVAL_MS = 5_000;
const ROUNDS_OF_LOOP = 10;

/** Rolls the log up into the statistics. A request for them adds what is missing, so that no reader depends on this loop. */
export function startRollup({ db, log }: { db: Database; log: Logger }): Loop {
  return startLoop({ name: 'statistics rollup', intervalMs: INTERVAL_MS, log }, () => rollUp(db, ROUNDS_OF_LOOP));
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
 * @returns null while more is still to be folded or to expire than somebody can wait for: after an outage, or when
 *   statistics come to a database that has a long log
 */
export async function readStatistics(deps: CoreDeps, span: Span, groupBy: Grouping): Promise<StatisticsAt | null> {
  await expireListed(deps, { partyId: null });
  await rollUp(deps.db, ROUNDS);
  const counted = await withRetry(() => withTx(deps.db, (tx) => count(tx, span)), { idempotent: true });
  return counted === null ? null : { now: counted.now, ...(await summarize(counted.cells, groupBy, immediate)) };
}
