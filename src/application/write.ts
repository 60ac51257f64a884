import type { Command } from '../domain/commands.ts';
import { type Decision, decide } from '../domain/decide.ts';
import { type Dispute, type Order, type Party, roleIn, type State } from '../domain/state.ts';
import type { Entry, Step } from '../domain/transition.ts';
import { type Database, type Tx, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { instantOf } from '../store/clock.ts';
import { type IdempotencyKey, keepResponse, type StoredResponse } from '../store/idempotency.ts';
import { lockOrder, readFacts } from '../store/locks.ts';
import type { Target } from '../store/target.ts';
import { type WriteSet, write } from '../store/write-set.ts';
import type { Decided } from './decided.ts';
import { earlierOutcome, type Outcome } from './idempotent.ts';

/** What brought a decision about: a caller's request, a timer, the sweeper, or somebody who looked. */
export type Trigger = 'request' | 'job' | 'sweep' | 'touch';

/** What the write path needs of the outside. */
export interface CoreDeps {
  readonly db: Database;
  /** Makes a UUID v7. */
  readonly newId: () => string;
  /** Told of every entry after it was committed. */
  readonly onCommitted: (entries: readonly Entry[], trigger: Trigger) => void;
}

/** Everything that one request asks of the write path. */
export interface CommandRequest {
  readonly target: Target;
  /** The user who asks, as a party of the order; null for the order service. */
  readonly partyId: string | null;
  readonly requestId: string;
  readonly key: IdempotencyKey | null;
  /** Makes the command, once the order says in which role its caller acts. */
  readonly command: (party: Party | null) => Command;
  /** Makes the answer, inside the transaction, since it is kept there. */
  readonly render: (decided: Decided) => StoredResponse;
}

function changesOf<T extends { id: string }>(before: readonly T[], after: readonly T[]) {
  return after.flatMap((row) => {
    const old = before.find(({ id }) => id === row.id) ?? null;
    return old === row ? [] : [{ before: old, after: row }];
  });
}

/** What silence does, it does at its deadline, whoever happened to look. */
function causeOf({ actor, holdId }: Entry, requestId: string | null): string {
  if (holdId !== null) return `hold:${holdId}`;
  return actor.role === 'system' || requestId === null ? 'deadline' : `request:${requestId}`;
}

const present = (order: Order | null): Order[] => (order === null ? [] : [order]);

/** What has to be written to get from one state to another. */
export function writeSet(before: State, step: Step, requestId: string | null, newId: () => string): WriteSet {
  return {
    orders: changesOf(present(before.order), present(step.state.order)),
    disputes: changesOf<Dispute>(before.disputes, step.state.disputes),
    entries: step.entries.map((entry) => ({
      id: newId(),
      cause: causeOf(entry, requestId),
      entry,
    })),
  };
}

/** What a decision changes: first what silence had done before it, and then what the command does. */
function writeSets(before: State, decision: Decision, requestId: string, newId: () => string): WriteSet[] {
  const { settled, state, entries } = decision;
  const rest = { state, entries: entries.slice(settled.entries.length) };
  return [
    ...(settled.entries.length > 0 ? [writeSet(before, settled, null, newId)] : []),
    ...(state !== settled.state ? [writeSet(settled.state, rest, requestId, newId)] : []),
  ];
}

function partyOf(order: Order | null, partyId: string | null): Party | null {
  const role = order === null || partyId === null ? null : roleIn(order, partyId);
  return role === null || partyId === null ? null : { role, id: partyId };
}

interface Attempt {
  readonly result: Outcome;
  readonly entries: readonly Entry[];
}

const withoutEffect = (result: Outcome): Attempt => ({ result, entries: [] });

async function attempt(tx: Tx, deps: CoreDeps, request: CommandRequest): Promise<Attempt> {
  const { key, target, partyId } = request;
  const earlier = await earlierOutcome(tx, key);
  if (earlier?.outcome === 'key_in_use') return withoutEffect(earlier);
  // They travel together, and the server runs the second when it has granted the first.
  const [order, facts] = await Promise.all([lockOrder(tx, target, partyId), readFacts(tx, target)]);
  if (order === null && partyId !== null) return withoutEffect({ outcome: 'not_found' });
  if (earlier !== null) return withoutEffect(earlier);

  const party = partyOf(order, partyId);
  const command = request.command(party);
  const now = instantOf(facts.clock, present(order));
  const before = { order, disputes: facts.disputes, holds: facts.holds };
  const decision = decide(before, command, now);
  const response = request.render({ decision, before, command, party, now });
  const sets = writeSets(before, decision, request.requestId, deps.newId);
  const writing = sets.map((set) => write(tx, set));
  if (key !== null) writing.push(keepResponse(tx, key, response, now));
  await Promise.all(writing);
  return { result: { outcome: 'answered', response }, entries: decision.entries };
}

// Each statement of a command takes some milliseconds, but for the lock, which is waited for two seconds at most. Those who wait
// one behind the other for the same order would wait for twice as long.
const STATEMENT_MS = 2_500;

/**
 * The write path of every command: lock the order, then read the clock, decide, write, commit.
 * A refusal is an answer like any other; what silence did meanwhile is kept also then.
 * @throws what the database raises, after up to three tries where repeating is safe
 */
export async function execute(deps: CoreDeps, request: CommandRequest): Promise<Outcome> {
  // With a key, or as a report with its revision, the same request a second time finds what it did the first time.
  const idempotent = request.key !== null || request.partyId === null;
  const once = () => withTx(deps.db, (tx) => attempt(tx, deps, request), { statementMs: STATEMENT_MS });
  const { result, entries } = await withRetry(once, { idempotent });
  deps.onCommitted(entries, 'request');
  return result;
}
