import type { Logger } from 'pino';
import { applyDueOnce } from '../application/apply-due.ts';
import { findDue, noteDeadlineFailure } from '../application/due.ts';
import type { CoreDeps } from '../application/write.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type Groups, isolate } from '../platform/postgres/isolate.ts';
import { traced } from '../platform/tracing.ts';
import { type Loop, startLoop } from './loop.ts';

export interface SweeperDeps {
  readonly write: CoreDeps;
  readonly metrics: Metrics;
  readonly log: Logger;
}

// Twice a second: how late a deadline is when its job is lost, and a query that finds nothing costs next to nothing.
const INTERVAL_MS = 500;
// After a round that failed, that left disputes to other transactions, or that met a backlog: a connection that broke or a lock
// of a worker that froze would cost another half second, and of a backlog that falls due bit by bit there would be half a
// second's worth to settle at once, with nothing left of the machine for requests at that moment.
const SOON_MS = 100;
/** How many disputes a batch has at most. */
const BATCH = 500;
/**
 * How many batches are settled at a time, where there is more than one: while the database is busy with one, this process
 * prepares another. What one batch holds is left to one, which takes no more than one core.
 */
const LANES = 2;
const MOST = BATCH * LANES;
/** A batch that is not made smaller, however long it takes. */
const SMALL = 50;
// On a busy machine five hundred take a second. Then a connection that breaks costs a second's work, and PostgreSQL takes a
// process for frozen, and its locks away, while it still works on its answer.
const BATCH_MS = 250;
/** So many overdue at once are a backlog: jobs leave it to the sweeper from here on. */
const BACKLOG = 2 * SMALL;
const ALARM_ATTEMPTS = 5;

/** Notes a dispute that cannot be written; it is tried again after a pause that grows. */
async function setAside({ write, metrics, log }: SweeperDeps, disputeId: string, error: unknown): Promise<void> {
  metrics.failures.inc();
  const attempts = await noteDeadlineFailure(write.db, disputeId, error);
  const level = attempts >= ALARM_ATTEMPTS ? 'error' : 'warn';
  log[level]({ err: error, disputeId, attempts }, 'a deadline could not take effect and will be tried again');
}

/** What a round of the sweeper leaves to the next one. */
export interface Sweep {
  /** Groups of disputes still to be settled; they outlive a round that fails. */
  readonly groups: Groups<string>;
  /** Behind which dispute to look, since another process has locked those before it; null for the longest overdue. */
  behind: string | null;
  /** Whether the last one met a backlog: more of it is falling due. */
  isBacklog: boolean;
  /** How many disputes this machine settles in the time of a batch, as far as is known. */
  size: number;
}

/** What the first round finds. */
export const newSweep = (): Sweep => ({ groups: [], behind: null, isBacklog: false, size: 2 * SMALL });

const fitting = (size: number): number => Math.min(BATCH, Math.max(SMALL, Math.round(size)));

/** Settles one batch, and adapts the size of the next one to how long it took. */
async function applyBatch({ write }: SweeperDeps, sweep: Sweep, ids: readonly string[]): Promise<number> {
  const begun = performance.now();
  const attributes = { 'resolution_center.batch_size': ids.length };
  const settled = await traced('sweep deadlines', { attributes }, () =>
    applyDueOnce(write, ids, { trigger: 'sweep', busy: 'skip' }),
  );
  if (settled.size >= SMALL) sweep.size = fitting((settled.size * BATCH_MS) / (performance.now() - begun));
  return settled.size;
}

/** Settles groups until none is left, and says how much was settled. */
async function applyGroups(deps: SweeperDeps, sweep: Sweep): Promise<number> {
  const lane = () =>
    isolate(sweep.groups, {
      work: (ids) => applyBatch(deps, sweep, ids),
      setAside: (id, error) => setAside(deps, id, error),
      batchSize: () => sweep.size,
      wholeUpTo: SMALL,
      onTransient: () => {
        sweep.size = fitting(sweep.size / 2);
      },
    });
  // Each lane comes to an end before the round does, also where another has failed.
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, lane));
  let settled = 0;
  for (const outcome of lanes) {
    if (outcome.status === 'rejected') throw outcome.reason;
    settled += outcome.value.reduce((sum, size) => sum + size, 0);
  }
  return settled;
}

/**
 * Settles overdue disputes, longest overdue first, and sends reminders; says whether there may be more, or will be soon.
 * Of a batch that others have locked it takes the one behind it: a worker that froze with five hundred deadlines in its hands
 * keeps those waiting until its locks are free, and not all that are due with them.
 * @param sweep what the round before has left; it is left to the next one
 * @param onBacklog told before a backlog is settled
 */
export async function sweepOnce(
  deps: SweeperDeps,
  sweep: Sweep = newSweep(),
  onBacklog: () => void = () => {},
): Promise<'more' | 'soon' | 'done'> {
  const { db } = deps.write;
  await applyGroups(deps, sweep);
  const { overdue, toRemind } = await findDue(db, MOST, sweep.behind);
  const isFull = overdue.length === MOST;
  const isBacklog = overdue.length >= BACKLOG;
  if (isBacklog) onBacklog();
  const due = [...overdue, ...toRemind];
  if (due.length > 0) sweep.groups.push(due);
  const settled = await applyGroups(deps, sweep);
  sweep.behind = isFull && settled < MOST / 2 ? (overdue.at(-1) ?? null) : null;
  // A backlog that another process is settling does not count: jobs would wait for it with all others.
  sweep.isBacklog = isFull || (isBacklog && settled >= BACKLOG);
  if (isFull) return 'more';
  return sweep.isBacklog || settled < due.length ? 'soon' : 'done';
}

/**
 * The guarantee: whatever happens to Redis and its jobs, an overdue dispute is settled within about a second.
 * This file and all that it imports know nothing of Redis.
 * @param onBacklog told whether so much is overdue that others better leave it to the sweeper
 */
export function startSweeper(deps: SweeperDeps, onBacklog: (isThere: boolean) => void): Loop {
  const onSuccess = () => deps.metrics.loopSucceeded.setToCurrentTime({ loop: 'sweeper' });
  onSuccess(); // from here on its age counts, also if no round ever succeeds
  const options = { name: 'sweeper', intervalMs: INTERVAL_MS, soonMs: SOON_MS, log: deps.log, onSuccess };
  const sweep = newSweep();
  return startLoop(options, async () => {
    let next: Awaited<ReturnType<typeof sweepOnce>> | undefined;
    try {
      next = await sweepOnce(deps, sweep, () => onBacklog(true));
      return next;
    } finally {
      // Where rounds fail, jobs do their part: they are tried again by themselves.
      onBacklog(next !== undefined && sweep.isBacklog);
    }
  });
}
