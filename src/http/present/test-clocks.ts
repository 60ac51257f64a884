import type { Advance } from '../../application/test-clocks/advance.ts';
import { hasArrived, type Way } from '../../application/test-clocks/begin.ts';
import type { TestClockFound } from '../../application/test-clocks/manage.ts';
import { CLOCK_LIFETIME_MS } from '../../application/test-clocks/remove.ts';
import { iso } from '../endpoint/instants.ts';
import { AdvancedTestClock } from '../schemas/test-clocks.ts';

const shownStatus = (status: TestClockFound['clock']['status']): 'ready' | 'advancing' =>
  status === 'advancing' ? 'advancing' : 'ready';

/** A test clock as JSON. */
export function presentTestClock({ clock, orders }: TestClockFound) {
  return {
    id: clock.id,
    name: clock.name,
    now: iso(clock.now),
    status: shownStatus(clock.status),
    orderCount: orders,
    createdAt: iso(clock.createdAt),
    expiresAt: iso(clock.createdAt + CLOCK_LIFETIME_MS),
  };
}

/** An advance as JSON. */
export function presentAdvance({ from, to, transitions, webhooks }: Advance) {
  const { delivered, failed, pending } = webhooks;
  return {
    from: iso(from),
    to: iso(to),
    transitions: transitions.first.map(({ at, type, orderId, disputeId }) => ({
      at: iso(at),
      type,
      orderId,
      disputeId,
    })),
    transitionCount: transitions.count,
    webhooks: { delivered, failed, pending },
  };
}

/** A test clock as the answer to its advance has it. */
export function presentAdvanced(clock: TestClockFound['clock'], advance: Advance) {
  const isThere = hasArrived(clock, advance);
  const status = isThere ? ('ready' as const) : ('advancing' as const);
  return { id: clock.id, now: iso(isThere ? advance.to : clock.now), status, ...presentAdvance(advance) };
}

const NOTHING_YET = {
  transitions: { count: 0, first: [] },
  webhooks: { delivered: 0, failed: 0, pending: 0, unsent: 0 },
} as const;

/** An advance as it begins: what is kept for the key of its request until there is an outcome. */
export function presentBegun({ id, now }: TestClockFound['clock'], way: Way) {
  return { id, now: iso(now), status: 'advancing' as const, ...presentAdvance({ ...way, ...NOTHING_YET }) };
}

/** Reads the way of an advance from the answer that is kept for its key. */
export function wayOfAnswer(body: string): Way {
  const { from, to } = AdvancedTestClock.parse(JSON.parse(body));
  return { from: Date.parse(from), to: Date.parse(to) };
}
