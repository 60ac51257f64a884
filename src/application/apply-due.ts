import { type Dispute, type Instant, openDisputeOf, remindAt } from '../domain/state.ts';
import { applyDue, type Entry } from '../domain/transition.ts';
import { type Tx, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { lockOrdersOf, readLocked } from '../store/locks.ts';
import { type WriteSet, write } from '../store/write-set.ts';
import { type CoreDeps, type Trigger, writeSet } from './write.ts';

/**
 * What became of a nominated deadline: it took effect now; it is not due yet; or there is nothing to do, since the
 * dispute was resolved before, or (with `skip`) somebody else is deciding it at this moment.
 */
export type DueOutcome =
  | { readonly outcome: 'settled' | 'nothing_to_do' }
  | { readonly outcome: 'early'; readonly remainingMs: number; readonly seq: number };

interface Settled {
  readonly byDispute: ReadonlyMap<string, DueOutcome>;
  readonly entries: readonly Entry[];
}

/** A process that freezes here has hundreds of deadlines in its hands, and not one order as elsewhere. */
const FROZEN_AFTER_MS = 500;

const NOTHING: DueOutcome = { outcome: 'nothing_to_do' };

/** A dispute that is past its deadline and yet not due is held: its moved deadline will have a timer of its own. */
function waiting(dispute: Dispute, now: Instant): DueOutcome {
  const remainingMs = (remindAt(dispute) ?? dispute.respondBy) - now;
  return remainingMs > 0 ? { outcome: 'early', remainingMs, seq: dispute.deadlineSeq } : NOTHING;
}

async function applyDueLocked(
  tx: Tx,
  deps: CoreDeps,
  disputeIds: readonly string[],
  busy: 'wait' | 'skip',
): Promise<Settled> {
  const orders = await lockOrdersOf(tx, disputeIds, busy);
  if (orders.length === 0) return { byDispute: new Map(), entries: [] };
  const { now, states } = await readLocked(tx, orders);
  const byDispute = new Map<string, DueOutcome>();
  const sets: WriteSet[] = [];
  for (const state of states) {
    const open = openDisputeOf(state);
    if (open === null) continue;
    const step = applyDue(state, now);
    const isDue = step.entries.length > 0;
    byDispute.set(open.id, isDue ? { outcome: 'settled' } : waiting(open, now));
    if (isDue) sets.push(writeSet(state, step, null, deps.newId));
  }
  const all = merge(sets);
  if (sets.length > 0) await write(tx, all);
  return { byDispute, entries: all.entries.map(({ entry }) => entry) };
}

function merge(sets: readonly WriteSet[]): WriteSet {
  return {
    orders: sets.flatMap(({ orders }) => orders),
    disputes: sets.flatMap(({ disputes }) => disputes),
    entries: sets.flatMap(({ entries }) => entries),
  };
}

/** The states in which nothing is left to do are told apart from a missing one by nobody: all end quietly. */
export function dueOutcomeOf(settled: ReadonlyMap<string, DueOutcome>, disputeId: string): DueOutcome {
  return settled.get(disputeId) ?? NOTHING;
}

/** Who nominated the disputes, and whether an order that somebody else holds is waited for. */
export interface ApplyDueOptions {
  readonly trigger: Trigger;
  readonly busy: 'wait' | 'skip';
}

/**
 * Lets silence take effect on those of the disputes on which it is due: one lock, one pass, one write for all of them.
 * Whoever nominates them may be early, late or mistaken; only the locked decision counts, so repeating it is safe.
 * Tried once: for those who come back by themselves, with less in hand.
 * @throws what the database raises; then nothing took effect on any of them, or all of it did if COMMIT was not answered
 */
export async function applyDueOnce(
  deps: CoreDeps,
  disputeIds: readonly string[],
  { trigger, busy }: ApplyDueOptions,
): Promise<ReadonlyMap<string, DueOutcome>> {
  const work = (tx: Tx) => applyDueLocked(tx, deps, disputeIds, busy);
  const { byDispute, entries } = await withTx(deps.db, work, { frozenAfterMs: FROZEN_AFTER_MS });
  deps.onCommitted(entries, trigger);
  return byDispute;
}

/**
 * The same, tried again while its failures are transient.
 * @throws what the database raises in the end
 */
export async function applyDueDeadlines(
  deps: CoreDeps,
  disputeIds: readonly string[],
  options: ApplyDueOptions,
): Promise<ReadonlyMap<string, DueOutcome>> {
  return await withRetry(() => applyDueOnce(deps, disputeIds, options), { idempotent: true });
}
