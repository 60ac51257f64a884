import { type Database, withTx } from '../platform/postgres/database.ts';
import { disputesToRemind, noteFailure, overdueDisputes } from '../store/due/overdue.ts';

/** Disputes for which something is due, by their ids. */
export interface DueDisputes {
  /** Their deadline has passed, longest overdue first. */
  readonly overdue: readonly string[];
  /** A reminder of their deadline is due. */
  readonly toRemind: readonly string[];
}

/**
 * Finds up to `limit` disputes for which something is due: deadlines first, then as many reminders as there is room for. A
 * dispute that failed lately is left out until its next try.
 * @param behind the id of a dispute: only overdue ones whose turn comes after its own
 */
export async function findDue(db: Database, limit: number, behind: string | null): Promise<DueDisputes> {
  const overdue = await overdueDisputes(db, limit, behind);
  // Deadlines first: a reminder that comes a moment later does no harm.
  const toRemind = overdue.length === limit ? [] : await disputesToRemind(db, limit - overdue.length);
  return { overdue, toRemind };
}

/**
 * Notes that a deadline could not take effect, and why; it is tried again after 2, 4, 8 … seconds, at most 5 minutes.
 * @returns how often it has failed
 */
export async function noteDeadlineFailure(db: Database, disputeId: string, error: unknown): Promise<number> {
  return await withTx(db, (tx) => noteFailure(tx, disputeId, error));
}
