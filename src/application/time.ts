import type { NamedClock } from '../domain/commands.ts';
import { LIMITS } from '../domain/rules.ts';
import type { Instant, Order } from '../domain/state.ts';
import { instantOf } from '../store/clock.ts';
import type { ClockFacts } from '../store/test-clocks/test-clocks.ts';

/** The instant of a decision, and the test clock that its command names. */
export interface DecisionTime {
  readonly now: Instant;
  readonly named: NamedClock | null;
}

const asNamed = (clock: ClockFacts | undefined): NamedClock | null =>
  clock === undefined ? null : { id: clock.id, isFull: (clock.orders ?? 0) >= LIMITS.clockOrders };

/**
 * Whether a command brings its order to the time of the clock that it names. An order with disputes keeps its time: the command
 * is refused, and what is due is due by the time that was promised.
 */
const isMoved = (order: Order | null, named: ClockFacts | undefined): named is ClockFacts =>
  named !== undefined && named.id !== order?.testClockId && (order === null || order.disputeCount === 0);

/**
 * The instant of a decision: of the test clock that its order is on, of the one that its command puts the order on, or the real
 * one. This is the only place where one is chosen.
 * @param before the order, and the instant in its own time; null for an order that does not exist yet
 */
export function timeFor(
  before: { readonly order: Order; readonly now: Instant } | null,
  named: ClockFacts | undefined,
  realNow: Instant,
): DecisionTime {
  if (isMoved(before?.order ?? null, named)) return { now: named.now, named: asNamed(named) };
  return { now: before?.now ?? realNow, named: asNamed(named) };
}

/**
 * Chooses the instants of the decisions of one transaction, of which each counts the orders that those before it have put on a
 * clock.
 * @param clocks the locked clocks, of orders and of commands
 * @param realNow the database's clock, read after the orders were locked
 * @returns null for an order whose clock is being deleted
 */
export function createTimes(clocks: ReadonlyMap<string, ClockFacts>, realNow: Instant) {
  const orders = new Map([...clocks].map(([id, clock]) => [id, clock.orders]));
  return (order: Order | null, testClockId: string | null): DecisionTime | null => {
    const own = order?.testClockId ?? null;
    const clock = own === null ? undefined : clocks.get(own);
    if (own !== null && clock === undefined) return null;
    const found = testClockId === null ? undefined : clocks.get(testClockId);
    const named = found && { ...found, orders: orders.get(found.id) ?? 0 };
    // Counted whether or not the command is then carried out: a clock is full a moment too early at most.
    if (named !== undefined && named.id !== own) orders.set(named.id, named.orders + 1);
    const now = instantOf(clock?.now ?? realNow, order === null ? [] : [order]);
    return timeFor(order === null ? null : { order, now }, named, realNow);
  };
}
