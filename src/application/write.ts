import type { Command, NamedClock } from '../domain/commands.ts';
import { type Decision, decide } from '../domain/decide.ts';
import { type Dispute, type Instant, type Order, type Party, roleIn, type State } from '../domain/state.ts';
import type { Entry, Step } from '../domain/transition.ts';
import type { Database } from '../platform/postgres/database.ts';
import type { Found } from '../store/reads.ts';
import type { Target } from '../store/target.ts';
import type { WriteSet } from '../store/write-set.ts';
import { sequenceLog } from './feed/feed.ts';
import type { IdempotencyKey, Outcome, StoredResponse } from './idempotent.ts';
import type { Member, Ruling } from './transact.ts';

/** What brought a decision about: a caller's request, a timer, the sweeper, a read, or the advance of a test clock. */
export type Trigger = 'request' | 'job' | 'sweep' | 'touch' | 'clock';

/** Carries out commands; many at once in one transaction. */
export interface CommandQueue {
  readonly execute: (request: CommandRequest) => Promise<Outcome>;
}

/** What the write path needs of the outside. */
export interface WriteDeps {
  readonly db: Database;
  /** Makes a UUID v7. */
  readonly newId: () => string;
  /** Told of every entry after it was committed. */
  readonly onCommitted: (entries: readonly Entry[], trigger: Trigger) => void;
}

/** What the use cases need: the write path, with the commands that wait for it. */
export interface CoreDeps extends WriteDeps {
  readonly commands: CommandQueue;
  /** Finds an order with the disputes that matter to it; undefined if there is none that this user may see. */
  readonly find: (target: Target, partyId: string | null) => Promise<Found | undefined>;
}

/** One decision with all that an answer to its caller can be made of. */
export interface Decided {
  readonly decision: Decision;
  readonly before: State;
  readonly command: Command;
  /** The caller as a party of the order; null for the order service. */
  readonly party: Party | null;
  readonly now: Instant;
}

/** Everything that one request asks of the write path. */
export interface CommandRequest {
  readonly target: Target;
  /** The user who asks, as a party of the order; null for the order service. */
  readonly partyId: string | null;
  readonly requestId: string;
  readonly key: IdempotencyKey | null;
  /** The size of the request's body, in bytes. */
  readonly bytes: number;
  /** The test clock on which the command puts its order; null if it leaves the order where it is. */
  readonly testClockId: string | null;
  /**
   * Makes the command, once the order says in which role its caller acts.
   * @param clock the test clock that the request names; null if it names none, or one that does not exist
   */
  readonly command: (party: Party | null, clock: NamedClock | null) => Command;
  /** Makes the answer, inside the transaction, since it is kept there. Both may be called again after a failure. */
  readonly render: (decided: Decided) => StoredResponse;
}

function changesOf<T extends { id: string }>(before: readonly T[], after: readonly T[]) {
  return after.flatMap((row) => {
    const old = before.find(({ id }) => id === row.id) ?? null;
    return old === row ? [] : [{ before: old, after: row }];
  });
}

/** What time does has the deadline for its cause, also where a request came upon it. */
function causeOf({ actor, holdId }: Entry, requestId: string | null): string {
  if (holdId !== null) return `hold:${holdId}`;
  return actor.role === 'system' || requestId === null ? 'deadline' : `request:${requestId}`;
}

const present = (order: Order | null): Order[] => (order === null ? [] : [order]);

/** What brought a change about: a request, or time (null); and the trace to which the change belongs. */
export interface Origin {
  readonly requestId: string | null;
  readonly traceParent: string | null;
}

/** What has to be written to get from one state to another. */
export function writeSet(before: State, step: Step, { requestId, traceParent }: Origin, newId: () => string): WriteSet {
  return {
    orders: changesOf(present(before.order), present(step.state.order)),
    disputes: changesOf<Dispute>(before.disputes, step.state.disputes).map((changed) => ({
      ...changed,
      testClockId: step.state.order?.testClockId ?? null,
      traceParent,
    })),
    entries: step.entries.map((entry) => ({ id: newId(), cause: causeOf(entry, requestId), entry, traceParent })),
  };
}

function partyOf(order: Order | null, partyId: string | null): Party | null {
  const role = order === null || partyId === null ? null : roleIn(order, partyId);
  return role === null || partyId === null ? null : { role, id: partyId };
}

/** Decides a request on a state at one instant. */
export function decideOn(
  { partyId, command }: Pick<CommandRequest, 'partyId' | 'command'>,
  before: State,
  now: Instant,
  clock: NamedClock | null,
): Decided {
  const party = partyOf(before.order, partyId);
  const made = command(party, clock);
  return { decision: decide(before, made, now), before, command: made, party, now };
}

/** What one command comes to on a locked state: the decision, what it writes, and its answer. */
function rulingOf(request: CommandRequest, newId: () => string, traceParent: string | null) {
  return (before: State, now: Instant, clock: NamedClock | null): Ruling<Outcome> => {
    const decided = decideOn(request, before, now, clock);
    const response = request.render(decided);
    const { settled, state, entries } = decided.decision;
    const rest = { state, entries: entries.slice(settled.entries.length) };
    const origin = { requestId: request.requestId, traceParent };
    return {
      result: { outcome: 'answered', response },
      response,
      writes: [
        settled.entries.length > 0 ? writeSet(before, settled, { requestId: null, traceParent }, newId) : null,
        state !== settled.state ? writeSet(settled.state, rest, origin, newId) : null,
      ],
    };
  };
}

/** A request as a member of a transaction. */
export function memberOf(request: CommandRequest, newId: () => string, traceParent: string | null): Member<Outcome> {
  const { target, partyId, key, testClockId } = request;
  return {
    target,
    partyId,
    key,
    testClockId,
    mayBeNew: partyId === null && 'orderId' in target,
    decide: rulingOf(request, newId, traceParent),
  };
}

/**
 * Carries out a command: together with others that are waiting, or on its own where that is necessary.
 * A refusal is an answer like any other; what time had made due is kept also then.
 * @throws what the database raises, after some tries where repeating is safe
 * @throws OverloadedError if too many commands are waiting, or this one has waited for too long
 */
export async function execute(deps: CoreDeps, request: CommandRequest): Promise<Outcome> {
  // On a clock that is behind, the next entry of the order is older than those before it: these get their positions first.
  if (request.testClockId !== null) await sequenceLog(deps.db);
  return await deps.commands.execute(request);
}
