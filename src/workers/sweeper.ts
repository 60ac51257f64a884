import type { Logger } from 'pino';
import type { Metrics } from '../operations/metrics.ts';
import { settleDisputes } from '../operations/settle.ts';
import type { WriteDeps } from '../operations/write.ts';
import { isTransient } from '../platform/database.ts';
import { disputesToRemind, noteFailure, overdueDisputes } from '../store/overdue.ts';
import { type Loop, startLoop } from './loop.ts';

export interface SweeperDeps {
  readonly write: WriteDeps;
  readonly metrics: Metrics;
  readonly log: Logger;
}

// Twice a second: how late a deadline is when its job is lost, and a query that finds nothing costs next to nothing.
const INTERVAL_MS = 500;
const BATCH = 500;
const ALARM_ATTEMPTS = 5;

/** Nothing is wrong with the others: this one waits its time. */
async function putAside({ write, metrics, log }: SweeperDeps, disputeId: string, error: unknown): Promise<void> {
  metrics.failures.inc();
  const attempts = await noteFailure(write.db, disputeId, error);
  const level = attempts >= ALARM_ATTEMPTS ? 'error' : 'warn';
  log[level]({ err: error, disputeId, attempts }, 'a deadline could not take effect and will be tried again');
}

/**
 * Settles a batch, and says how much was settled. One that fails is halved until the row that cannot be written stands
 * alone: one row among five hundred costs the others some twenty statements, where one by one it would be five hundred.
 */
async function settleInHalves(deps: SweeperDeps, disputeIds: readonly string[]): Promise<number> {
  try {
    return (await settleDisputes(deps.write, disputeIds, { trigger: 'sweep', busy: 'skip' })).size;
  } catch (error) {
    if (isTransient(error)) throw error; // nothing is wrong with the rows: the database has to come back first
    const [first, ...others] = disputeIds;
    if (first === undefined) return 0;
    if (others.length === 0) {
      await putAside(deps, first, error);
      return 0;
    }
    const middle = Math.ceil(disputeIds.length / 2);
    const settled = await settleInHalves(deps, disputeIds.slice(0, middle));
    return settled + (await settleInHalves(deps, disputeIds.slice(middle)));
  }
}

/** Settles overdue disputes, longest overdue first, and sends reminders; true if there may be more. */
export async function sweepOnce(deps: SweeperDeps): Promise<boolean> {
  const { db } = deps.write;
  const overdue = await overdueDisputes(db, BATCH);
  // Deadlines first: a reminder that comes a moment later harms nobody.
  const due =
    overdue.length === BATCH ? overdue : [...overdue, ...(await disputesToRemind(db, BATCH - overdue.length))];
  if (due.length === 0) return false;
  const settled = await settleInHalves(deps, due);
  // A full batch in which nothing moved is held by somebody else: the next round is soon enough.
  return due.length === BATCH && settled > 0;
}

/**
 * The guarantee: whatever happens to Redis and its jobs, an overdue dispute is settled within about a second.
 * This file and all that it imports know nothing of Redis.
 */
export function startSweeper(deps: SweeperDeps): Loop {
  const onSuccess = () => deps.metrics.loopSucceeded.setToCurrentTime({ loop: 'sweeper' });
  onSuccess(); // from here on its age counts, also if no round ever succeeds
  const options = { name: 'sweeper', intervalMs: INTERVAL_MS, log: deps.log, onSuccess };
  return startLoop(options, async () => ((await sweepOnce(deps)) ? 'more' : 'done'));
}
