import type { EntryType, Previous } from './commands.ts';
import { type OrderEffect, type Resolution, ruleOf } from './rules.ts';
import {
  type Actor,
  type Dispute,
  type Instant,
  type Order,
  type OrderStatus,
  openDisputeOf,
  type State,
} from './state.ts';

/** One line of the log: what happened, who did it, and how the order and the dispute stood afterwards. */
export interface Entry {
  readonly type: EntryType;
  readonly at: Instant;
  readonly actor: Actor;
  readonly orderVersion: number;
  readonly comment: string | null;
  readonly order: Order;
  readonly dispute: Dispute | null;
  readonly previous: Previous | null;
}

/** A state and the log entries that led to it. */
export interface Step {
  readonly state: State;
  readonly entries: readonly Entry[];
}

interface Move {
  readonly actor: Actor;
  /** What changes in the order; its status follows from the rest. */
  readonly order?: Partial<Order>;
  /** The dispute as it is afterwards, and what happened to it. */
  readonly dispute?: Dispute;
  readonly type?: EntryType;
  readonly comment?: string | null;
}

/** The status that an order has by everything known of it. */
function statusOf(order: Order, open: Dispute | null): OrderStatus {
  if (order.cancelledByDisputeId !== null) return 'mutually_cancelled';
  return open === null ? order.reportedStatus : 'in_dispute';
}

function withDispute(disputes: readonly Dispute[], dispute: Dispute | undefined): readonly Dispute[] {
  if (dispute === undefined) return disputes;
  return [...disputes.filter(({ id }) => id !== dispute.id), dispute];
}

function orderFacts(before: Order, after: Order): { type: EntryType; previous: Previous }[] {
  const facts: { type: EntryType; previous: Previous }[] = [];
  if (before.status !== after.status) facts.push({ type: 'order.status_changed', previous: { status: before.status } });
  if (before.deliverBy !== after.deliverBy) {
    facts.push({ type: 'order.delivery_date_changed', previous: { deliverBy: before.deliverBy } });
  }
  if (before.extras.length !== after.extras.length) {
    facts.push({ type: 'order.extras_added', previous: { extrasCount: before.extras.length } });
  }
  return facts;
}

/** Moves an order and at most one of its disputes, and writes down every fact that this changes. */
export function move(
  state: State & { order: Order },
  now: Instant,
  { actor, dispute, type, comment, order }: Move,
): Step {
  const disputes = withDispute(state.disputes, dispute);
  const moved = { ...state.order, ...order, updatedAt: now };
  const status = statusOf(moved, openDisputeOf({ order: moved, disputes }));
  const facts = [
    ...(type === undefined ? [] : [{ type, previous: null }]),
    ...orderFacts(state.order, { ...moved, status }),
  ];
  const after: Order = { ...moved, status, version: state.order.version + facts.length };
  const entries = facts.map((fact, index): Entry => {
    const orderVersion = state.order.version + index + 1;
    return {
      type: fact.type,
      at: now,
      actor,
      orderVersion,
      comment: index === 0 ? (comment ?? null) : null,
      order: { ...after, version: orderVersion },
      dispute: dispute ?? null,
      previous: fact.previous,
    };
  });
  return { state: { order: after, disputes }, entries };
}

function effectOn(order: Order, dispute: Dispute, effect: OrderEffect): Partial<Order> {
  switch (effect) {
    case 'none':
      return {};
    case 'cancel_order':
      return { cancelledByDisputeId: dispute.id };
    case 'apply_change':
      return {
        deliverBy: dispute.change?.deliverBy ?? order.deliverBy,
        extras: [...order.extras, ...(dispute.change?.extras ?? [])],
      };
    default:
      return effect satisfies never;
  }
}

interface Ending {
  readonly resolution: Resolution;
  readonly effect: OrderEffect;
  readonly actor: Actor;
  readonly comment?: string | null;
  readonly order?: Partial<Order>;
}

function resolvedDispute(dispute: Dispute, now: Instant, resolution: Resolution, by: Actor): Dispute {
  return { ...dispute, resolved: { resolution, by, at: now }, updatedAt: now, version: dispute.version + 1 };
}

/** Ends an open dispute and does to its order what that ending means. */
export function resolve(state: State & { order: Order }, dispute: Dispute, now: Instant, ending: Ending): Step {
  return move(state, now, {
    actor: ending.actor,
    type: `dispute.${ending.resolution}`,
    dispute: resolvedDispute(dispute, now, ending.resolution, ending.actor),
    comment: ending.comment ?? null,
    order: { ...effectOn(state.order, dispute, ending.effect), ...ending.order },
  });
}

/** Whether silence takes effect on a dispute: from `respondBy` on, not before. */
export function isOverdue(dispute: Dispute, now: Instant): boolean {
  return dispute.resolved === null && now >= dispute.respondBy;
}

/** Lets silence take effect where it is due; anything else stays as it is. Doing it again changes nothing. */
export function settle(state: State, now: Instant): Step {
  const open = openDisputeOf(state);
  if (state.order === null || open === null || !isOverdue(open, now)) return { state, entries: [] };
  const { effect } = ruleOf(open.type).onExpiry;
  const ending = { resolution: 'expired', effect, actor: { role: 'system' } } as const;
  return resolve({ ...state, order: state.order }, open, now, ending);
}

/** A dispute as every reader has to see it: past its deadline it is expired, whether or not that has been written yet. */
export function asSeenAt(dispute: Dispute, now: Instant): Dispute {
  return isOverdue(dispute, now) ? resolvedDispute(dispute, now, 'expired', { role: 'system' }) : dispute;
}
