import { type Dispute, type Instant, openDisputeOf, remindAt, type State } from '../domain/state.ts';
import { applyDue } from '../domain/transition.ts';
import { type Tx, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { traceParent } from '../platform/tracing.ts';
import { entriesOf, type Member, type Ruling, transact } from './transact.ts';
import { type Trigger, type WriteDeps, writeSet } from './write.ts';

/**
 * What became of a candidate: its deadline took effect now; it is not due yet; or there is nothing to do, since the
 * dispute was resolved before, or (with `skip`) another transaction is deciding it at this moment.
 */
export type DueOutcome =
  | { readonly outcome: 'settled' | 'nothing_to_do' }
  | { readonly outcome: 'early'; readonly remainingMs: number; readonly seq: number };

/** A process that freezes here has hundreds of deadlines in its hands, and not one order as elsewhere. */
const FROZEN_AFTER_MS = 500;

const NOTHING: DueOutcome = { outcome: 'nothing_to_do' };

/** A dispute that is past its deadline and yet not due is held: its moved deadline will have a timer of its own. */
function waiting(dispute: Dispute, now: Instant): DueOutcome {
  const remainingMs = (remindAt(dispute) ?? dispute.respondBy) - now;
  return remainingMs > 0 ? { outcome: 'early', remainingMs, seq: dispute.deadlineSeq } : NOTHING;
}

/** The dispute that is open, and what became of its deadline; null where none is open. */
type Due = readonly [disputeId: string, outcome: DueOutcome] | null;

/** A due deadline as a member of a transaction: a command without a caller. */
export function dueMember(disputeId: string, newId: () => string): Member<Due> {
  const decide = (state: State, now: Instant): Ruling<Due> => {
    const open = openDisputeOf(state);
    const step = applyDue(state, now);
    const isDue = open !== null && step.entries.length > 0;
    const origin = { requestId: null, traceParent: traceParent() };
    return {
      result: open === null ? null : [open.id, isDue ? { outcome: 'settled' } : waiting(open, now)],
      writes: [isDue ? writeSet(state, step, origin, newId) : null, null],
      response: null,
    };
  };
  return { target: { disputeId }, partyId: null, key: null, testClockId: null, mayBeNew: false, decide };
}

/** A missing entry means that there is nothing to do. */
export function dueOutcomeOf(settled: ReadonlyMap<string, DueOutcome>, disputeId: string): DueOutcome {
  return settled.get(disputeId) ?? NOTHING;
}

/** What named the candidates, and whether an order that another transaction has locked is waited for. */
export interface ApplyDueOptions {
  readonly trigger: Trigger;
  readonly busy: 'wait' | 'skip';
}

/**
 * Lets deadlines take effect that are due, in one transaction. Candidates may be early, late or mistaken; only the decision
 * under the lock counts, so repeating it is safe. Tried once: for callers that try again by themselves, with fewer of them.
 * @throws what the database raises; then nothing took effect on any of them, or all of it did if COMMIT was not answered
 */
export async function applyDueOnce(
  deps: WriteDeps,
  disputeIds: readonly string[],
  { trigger, busy }: ApplyDueOptions,
): Promise<ReadonlyMap<string, DueOutcome>> {
  const members = disputeIds.map((disputeId) => dueMember(disputeId, deps.newId));
  const work = (tx: Tx) => transact(tx, members, busy);
  const treated = await withTx(deps.db, work, { frozenAfterMs: FROZEN_AFTER_MS });
  deps.onCommitted(entriesOf(treated), trigger);
  return new Map(
    treated.flatMap((one) => (one.kind === 'decided' && one.ruling.result !== null ? [one.ruling.result] : [])),
  );
}

/**
 * The same, tried again while its failures are transient.
 * @throws what the database raises in the end
 */
export async function applyDueDeadlines(
  deps: WriteDeps,
  disputeIds: readonly string[],
  options: ApplyDueOptions,
): Promise<ReadonlyMap<string, DueOutcome>> {
  return await withRetry(() => applyDueOnce(deps, disputeIds, options), { idempotent: true });
}
