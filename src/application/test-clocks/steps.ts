import { LIMITS } from '../../domain/rules.ts';
import type { Dispute, Hold, Instant } from '../../domain/state.ts';
import { dueAt } from '../../domain/transition.ts';
import { isTransient, type Tx, withTx } from '../../platform/postgres/database.ts';
import { LostRaceError, withRetry } from '../../platform/postgres/retry.ts';
import { endAdvance, lockTestClock, moveTestClock, openOnTestClock } from '../../store/test-clocks/test-clocks.ts';
import { dueMember } from '../apply-due.ts';
import { entriesOf, transact } from '../transact.ts';
import type { WriteDeps } from '../write.ts';

/** For how long a process that does not finish a step is taken for alive. */
export const LEASE_MS = 3_000;

/** How many disputes one step treats at most. */
const BATCH = 200;

/** A clock that this process is advancing. */
export interface Advancing {
  readonly id: string;
  /** Tells this process from another that has taken the advance up. */
  readonly lease: string;
  /** Disputes that cannot be written: the advance passes over them. */
  readonly broken: Set<string>;
}

/**
 * What a step has come to: the clock has moved, or found its orders locked; it has arrived; or the advance is not this process's
 * any more. `failed` names the disputes of a batch that could not be written.
 */
export type Stepped =
  | { readonly step: 'moved' | 'locked' | 'arrived' | 'lost' }
  | { readonly step: 'failed'; readonly disputeIds: readonly string[]; readonly error: unknown };

/** Those of some disputes that are due first, and when; null if nothing is due any more. */
function dueNext(
  disputes: readonly Dispute[],
  holds: readonly Hold[],
  now: Instant,
): { at: Instant; ids: string[] } | null {
  const due = disputes.map((dispute) => ({ id: dispute.id, at: dueAt(dispute, holds) }));
  const first = Math.min(...due.map(({ at }) => at ?? Number.POSITIVE_INFINITY));
  if (first === Number.POSITIVE_INFINITY) return null;
  const at = Math.max(first, now);
  return { at, ids: due.filter((one) => one.at !== null && one.at <= at).map(({ id }) => id) };
}

class BatchFailed extends Error {
  readonly disputeIds: readonly string[];
  constructor(disputeIds: readonly string[], cause: unknown) {
    super('a step of a test clock failed', { cause });
    this.disputeIds = disputeIds;
  }
}

/** Goes to the next instant at which something is due, and lets it take effect there, by the path of every other decision. */
async function stepIn(tx: Tx, { id, lease, broken }: Advancing, newId: () => string, batch: number) {
  const locked = await lockTestClock(tx, id);
  if (locked?.clock.lease !== lease || locked.clock.advanceTo === null) return { step: 'lost', treated: [] } as const;
  const { now, advanceTo } = locked.clock;
  // With holds, the stored deadlines do not say what is due first.
  const limit = locked.holds.length === 0 ? batch : LIMITS.clockOrders;
  const next = dueNext(await openOnTestClock(tx, id, { except: [...broken], limit }), locked.holds, now);
  if (next === null || next.at > advanceTo) {
    await endAdvance(tx, id);
    return { step: 'arrived', treated: [] } as const;
  }
  await moveTestClock(tx, id, next.at, LEASE_MS);
  const ids = next.ids.slice(0, batch);
  const members = ids.map((disputeId) => dueMember(disputeId, newId));
  try {
    // An order that another transaction has locked may wait for this clock: it is left to the next step.
    const treated = await transact(tx, members, 'skip');
    const isLocked = treated.every(({ kind }) => kind === 'not_locked');
    // What is due and does nothing would be due for ever.
    if (!isLocked && entriesOf(treated).length === 0) throw new Error('what is due has no effect');
    return { step: isLocked ? 'locked' : 'moved', treated } as const;
  } catch (error) {
    throw error instanceof LostRaceError || isTransient(error) ? error : new BatchFailed(ids, error);
  }
}

/**
 * Takes one step of an advance: one transaction. Repeating it is safe, since only what is due at the clock's time takes effect.
 * @throws transient failures, after some tries
 */
export async function takeStep(deps: WriteDeps, advancing: Advancing, batch = BATCH): Promise<Stepped> {
  const once = () => withTx(deps.db, (tx) => stepIn(tx, advancing, deps.newId, batch));
  try {
    const { step, treated } = await withRetry(once, { idempotent: true });
    deps.onCommitted(entriesOf(treated), 'clock');
    return { step };
  } catch (error) {
    if (!(error instanceof BatchFailed)) throw error;
    return { step: 'failed', disputeIds: error.disputeIds, error: error.cause };
  }
}
