import type { Advance } from '../../application/test-clocks/advance.ts';
import type { TestClockFound } from '../../application/test-clocks/manage.ts';
import { CLOCK_LIFETIME_MS } from '../../application/test-clocks/remove.ts';
import { iso } from '../endpoint/instants.ts';

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
export function presentAdvanced({ id, now }: TestClockFound['clock'], advance: Advance) {
  const hasArrived = now >= advance.to;
  const status = hasArrived ? ('ready' as const) : ('advancing' as const);
  return { id, now: iso(hasArrived ? advance.to : now), status, ...presentAdvance(advance) };
}
