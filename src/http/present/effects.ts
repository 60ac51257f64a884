import type { Decided } from '../../application/write.ts';
import { type Dispute, type Order, openDisputeOf } from '../../domain/state.ts';
import { asSeenAt } from '../../domain/transition.ts';
import { iso, isoOrNull } from '../endpoint/instants.ts';
import { presentExtra, presentOnExpiry } from './disputes.ts';

function orderEffects(before: Order | null, after: Order) {
  const added = after.extras.slice(before?.extras.length ?? 0);
  return {
    status: { from: before?.status ?? null, to: after.status },
    ...(before !== null &&
      before.deliverBy !== after.deliverBy && {
        deliverBy: { from: isoOrNull(before.deliverBy), to: isoOrNull(after.deliverBy) },
      }),
    ...(added.length > 0 && { extras: added.map(presentExtra) }),
  };
}

function deadlineEffects(before: Dispute | null, after: Dispute | null) {
  if (after === null) return before === null ? null : { cleared: iso(before.respondBy) };
  return before?.id === after.id ? { kept: iso(after.respondBy) } : { set: iso(after.respondBy) };
}

/** What a command changes, as the answer to its dry run says it; what time had made due before is not its doing. */
export function presentEffects({ decision, now }: Decided) {
  const { settled, state, entries } = decision;
  if (state.order === null) throw new Error('a decision left no order behind');
  const open = openDisputeOf(asSeenAt(state, now));
  return {
    order: orderEffects(settled.state.order, state.order),
    deadline: deadlineEffects(openDisputeOf(asSeenAt(settled.state, now)), open),
    events: entries.slice(settled.entries.length).map(({ type }) => type),
    ...(open !== null && { onExpiry: presentOnExpiry(open.type) }),
  };
}
