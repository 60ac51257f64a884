import type { NamedClock } from '../domain/commands.ts';
import { type Dispute, type Instant, type Order, roleIn, type State } from '../domain/state.ts';
import type { Entry } from '../domain/transition.ts';
import type { Tx } from '../platform/postgres/database.ts';
import { type IdempotencyKey, keepResponses, reserveKeys, type StoredResponse } from '../store/idempotency.ts';
import { type Busy, type Facts, lockOrders, readFacts } from '../store/locks.ts';
import type { Wanted } from '../store/target.ts';
import { type ClockFacts, lockTestClocks } from '../store/test-clocks/test-clocks.ts';
import { type WriteSet, write } from '../store/write-set.ts';
import { type Outcome, outcomeOfKey } from './idempotent.ts';
import { createTimes } from './time.ts';

/** What a decision comes to, before any of it is written. */
export interface Ruling<R> {
  readonly result: R;
  /** What is written: what time had made due, and then what the command does; null for nothing. */
  readonly writes: readonly [due: WriteSet | null, commanded: WriteSet | null];
  /** The answer, to be kept for the key if there is one. */
  readonly response: StoredResponse | null;
}

/** One decision to be taken in a transaction: a caller's command, or a due deadline, which is a command without a caller. */
export interface Member<R> extends Wanted {
  readonly key: IdempotencyKey | null;
  /** Whether its order may be one that does not exist yet. */
  readonly mayBeNew: boolean;
  /** The test clock on which it puts its order; null if it leaves the order where it is. */
  readonly testClockId: string | null;
  /**
   * Decides on the locked state at one instant. It has no effect, and may be called again after a failure.
   * @param clock the test clock that the member names; null if it names none, or one that does not exist
   */
  readonly decide: (before: State, now: Instant, clock: NamedClock | null) => Ruling<R>;
}

/**
 * What became of a member: it was decided; its key decides what it is told; or nothing was decided, since its order is
 * missing, not its user's, locked by another transaction, or in the hands of another member.
 */
export type Treated<R> =
  | { readonly kind: 'decided'; readonly ruling: Ruling<R> }
  | { readonly kind: 'known'; readonly outcome: Outcome }
  | { readonly kind: 'not_locked' };

const NOT_LOCKED = { kind: 'not_locked' } as const;
const KEY_IN_USE = { kind: 'known', outcome: { outcome: 'key_in_use' } } as const;

function groupedByOrder(disputes: readonly Dispute[]): ReadonlyMap<string, readonly Dispute[]> {
  const groups = new Map<string, Dispute[]>();
  for (const dispute of disputes) {
    const group = groups.get(dispute.orderId);
    if (group === undefined) groups.set(dispute.orderId, [dispute]);
    else group.push(dispute);
  }
  return groups;
}

type Clocks = ReadonlyMap<string, ClockFacts>;

/** Finds the states of members' orders among what was locked. */
function createStates(
  locked: Awaited<ReturnType<typeof lockOrders>>,
  { disputes, holds }: Facts,
  clocks: Clocks,
  busy: Busy,
) {
  const addressed = new Map(disputes.map(({ id, orderId }) => [id, orderId]));
  const groups = groupedByOrder(disputes);
  const holdsOf = ({ testClockId }: Order) => (testClockId === null ? holds : (clocks.get(testClockId)?.holds ?? []));
  /** The state of a member's order; null if the order is not locked for this member. */
  return ({ target, partyId, mayBeNew }: Member<unknown>): State | null => {
    const id = 'orderId' in target ? target.orderId : addressed.get(target.disputeId);
    const order = id === undefined ? undefined : locked.get(id);
    // With `skip` an order that was not found may be one that another transaction has locked.
    if (order === undefined) return mayBeNew && busy === 'wait' ? { order: null, disputes: [], holds } : null;
    if (partyId !== null && roleIn(order, partyId) === null) return null;
    return { order, disputes: groups.get(order.id) ?? [], holds: holdsOf(order) };
  };
}

const NO_CLOCKS: Clocks = new Map();

/** Locks the test clocks of locked orders, and those that members name; without any, nothing is sent. */
async function lockClocks(tx: Tx, locked: ReadonlyMap<string, Order>, members: readonly Member<unknown>[]) {
  const named = new Set(members.flatMap(({ testClockId }) => testClockId ?? []));
  const ids = new Set([...named, ...[...locked.values()].flatMap(({ testClockId }) => testClockId ?? [])]);
  return ids.size === 0 ? NO_CLOCKS : await lockTestClocks(tx, [...ids], [...named]);
}

function merged(sets: readonly (WriteSet | null)[]): WriteSet | null {
  const some = sets.filter((set) => set !== null);
  if (some.length === 0) return null;
  return {
    orders: some.flatMap(({ orders }) => orders),
    disputes: some.flatMap(({ disputes }) => disputes),
    entries: some.flatMap(({ entries }) => entries),
  };
}

interface Decided<R> {
  readonly key: IdempotencyKey | null;
  readonly ruling: Ruling<R>;
  /** The real time, by which keys are kept. */
  readonly now: Instant;
}

/** Writes all that was decided, and the answers. The statements travel together. */
async function writeAll(tx: Tx, decided: readonly Decided<unknown>[]): Promise<void> {
  const sets = [0, 1].map((index) => merged(decided.map(({ ruling }) => ruling.writes[index] ?? null)));
  const writing = sets.map((set) => (set === null ? null : write(tx, set)));
  const answers = decided.flatMap(({ key, ruling: { response }, now }) =>
    key === null || response === null ? [] : [{ key, response, now }],
  );
  await Promise.all([...writing, answers.length > 0 ? keepResponses(tx, answers) : null]);
}

/**
 * The write path, in one transaction for any number of members: reserve the keys, lock the orders in the order of their ids,
 * then read the clock, decide each, write all. `now` enters here and nowhere else, for each order its own.
 * @param members no two of them with the same key
 * @param busy `skip` passes over orders that other transactions have locked; `wait` waits for them, and may make new orders
 * @returns what became of each member, in their order; it has happened once the transaction is committed
 * @throws what a decision or the database raises; the transaction must not commit then
 */
export async function transact<R>(tx: Tx, members: readonly Member<R>[], busy: Busy): Promise<readonly Treated<R>[]> {
  const reserving = reserveKeys(
    tx,
    members.map(({ key }) => key),
  );
  // A caller whose key is in use does not wait for a lock.
  if (busy === 'wait' && (await reserving).every(({ state }) => state === 'in_use')) {
    return members.map(() => KEY_IN_USE);
  }
  // They travel together, and the server reads the clock when it has granted the locks.
  const [reservations, locked, facts] = await Promise.all([
    reserving,
    lockOrders(tx, members, busy),
    readFacts(tx, members),
  ]);
  const clocks = await lockClocks(tx, locked, members);
  const stateOf = createStates(locked, facts, clocks, busy);
  const timeOf = createTimes(clocks, facts.clock);
  const taken = new Set<string | undefined>();
  const decided: Decided<R>[] = [];
  const treated = members.map((member, index): Treated<R> => {
    const known = outcomeOfKey(member.key, reservations[index]);
    if (known?.outcome === 'key_in_use') return KEY_IN_USE;
    const state = stateOf(member);
    if (state === null) return NOT_LOCKED;
    if (known !== null) return { kind: 'known', outcome: known };
    // The member that came first has the order; another one decides on what the first has made of it.
    if (taken.has(state.order?.id)) return NOT_LOCKED;
    taken.add(state.order?.id);
    const time = timeOf(state.order, member.testClockId);
    if (time === null) return NOT_LOCKED;
    const ruling = member.decide(state, time.now, time.named);
    decided.push({ key: member.key, ruling, now: facts.clock });
    return { kind: 'decided', ruling };
  });
  await writeAll(tx, decided);
  return treated;
}

/** The log entries of what was decided, in the order of the members. */
export function entriesOf(treated: readonly Treated<unknown>[]): Entry[] {
  return treated.flatMap((one) =>
    one.kind === 'decided' ? one.ruling.writes.flatMap((set) => set?.entries.map(({ entry }) => entry) ?? []) : [],
  );
}
