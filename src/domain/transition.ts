import type { EntryType, Previous } from './commands.ts';
import { activeHold, covers, uncountedHold } from './holds.ts';
import { type OrderEffect, type Resolution, ruleOf } from './rules.ts';
import { isSameContent } from './same-content.ts';
import {
  type Actor,
  type Dispute,
  detailsOf,
  type Hold,
  type Instant,
  type Notice,
  type Notification,
  type Notifier,
  type Order,
  type OrderDetails,
  type OrderStatus,
  openDisputeOf,
  remindAt,
  type Seen,
  type SeenDispute,
  type State,
} from './state.ts';

/** One line of the log: what happened, who did it, and how the order and the dispute stood afterwards. */
export interface Entry {
  readonly type: EntryType;
  readonly at: Instant;
  readonly actor: Actor | Notifier;
  readonly orderVersion: number;
  readonly comment: string | null;
  readonly order: Order;
  readonly dispute: Dispute | null;
  readonly previous: Previous | null;
  /** The hold because of which a deadline was moved. */
  readonly holdId: string | null;
  /** The message of which it tells. */
  readonly notification: Notification | null;
}

/** A state and the log entries that led to it. */
export interface Step {
  readonly state: State;
  readonly entries: readonly Entry[];
}

interface Move {
  readonly actor: Actor | Notifier;
  /** What changes in the order; its status follows from the rest. */
  readonly order?: Partial<Order>;
  /** The dispute as it is afterwards, and what happened to it. */
  readonly dispute?: Dispute;
  readonly type?: EntryType;
  readonly comment?: string | null;
  readonly previous?: Previous;
  readonly holdId?: string;
  readonly notification?: Notification;
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

/** What a report changed beside status, date and extras, as it was before. */
function previousDetails(before: Order, after: Order): Previous {
  const isBehindDispute = before.status === 'in_dispute' && after.status === 'in_dispute';
  const hasOtherStatus = isBehindDispute && before.reportedStatus !== after.reportedStatus;
  const now = new Map<string, unknown>(Object.entries(detailsOf(after)));
  const changed = Object.entries(detailsOf(before)).filter(([name, value]) => !isSameContent(value, now.get(name)));
  return {
    ...(Object.fromEntries(changed) as Partial<OrderDetails>), // some of the members
    ...(hasOtherStatus && { previousStatus: before.reportedStatus }),
  };
}

interface Fact {
  readonly type: EntryType;
  readonly previous: Previous;
}

/** Everything about an order that a reader can see and that a change of it changed: one fact at least for each report. */
function orderChanges(before: Order, after: Order): Fact[] {
  const facts: Fact[] = [];
  if (before.status !== after.status) facts.push({ type: 'order.status_changed', previous: { status: before.status } });
  if (before.deliverBy !== after.deliverBy) {
    facts.push({ type: 'order.delivery_date_changed', previous: { deliverBy: before.deliverBy } });
  }
  if (before.extras.length !== after.extras.length) {
    facts.push({ type: 'order.extras_added', previous: { extrasCount: before.extras.length } });
  }
  const details = previousDetails(before, after);
  if (Object.keys(details).length > 0) facts.push({ type: 'order.details_changed', previous: details });
  if (facts.length === 0 && before.revision !== after.revision) {
    facts.push({ type: 'order.details_changed', previous: { revision: before.revision } });
  }
  return facts;
}

/** Moves an order and at most one of its disputes, and writes down every fact that this changes. */
export function move(state: State & { order: Order }, now: Instant, change: Move): Step {
  const { actor, dispute, type } = change;
  const disputes = withDispute(state.disputes, dispute);
  const moved = { ...state.order, ...change.order, updatedAt: now };
  const status = statusOf(moved, openDisputeOf({ disputes }));
  const facts = [
    ...(type === undefined ? [] : [{ type, previous: change.previous ?? null }]),
    ...orderChanges(state.order, { ...moved, status }),
  ];
  const after: Order = { ...moved, status, version: state.order.version + facts.length };
  const entries = facts.map((fact, index): Entry => {
    const orderVersion = state.order.version + index + 1;
    return {
      type: fact.type,
      at: now,
      actor,
      orderVersion,
      comment: index === 0 ? (change.comment ?? null) : null,
      order: { ...after, version: orderVersion },
      dispute: dispute ?? null,
      previous: fact.previous,
      holdId: change.holdId ?? null,
      notification: change.notification ?? null,
    };
  });
  return { state: { ...state, order: after, disputes }, entries };
}

/** The declines of an order after one more: the last one of each type and opener. */
function withDecline({ declines }: Order, { type, opener }: Dispute, at: Instant): Order['declines'] {
  const others = declines.filter((one) => one.type !== type || one.role !== opener.role);
  return [...others, { role: opener.role, type, at }];
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
    order: {
      ...effectOn(state.order, dispute, ending.effect),
      ...(ending.resolution === 'declined' && { declines: withDecline(state.order, dispute, now) }),
      ...ending.order,
    },
  });
}

const SYSTEM = { role: 'system' } as const;

/** An open dispute whose deadline lies as much later as it has been held; the same dispute if it was not. */
function credited(dispute: Dispute, holds: readonly Hold[], now: Instant): Dispute {
  const ms = uncountedHold(dispute, holds, now)?.ms ?? 0;
  if (ms === 0) return dispute;
  return {
    ...dispute,
    respondBy: dispute.respondBy + ms,
    deadlineSeq: dispute.deadlineSeq + 1,
    heldMs: dispute.heldMs + ms,
    updatedAt: now,
    version: dispute.version + 1,
  };
}

/**
 * Moves the deadline of a held dispute by exactly the time that it has been held so far, and that was not added before. It
 * is written when the hold ends, or with a command.
 */
export function creditHold(state: State, now: Instant): Step {
  const { order, holds } = state;
  const open = openDisputeOf(state);
  if (order === null || open === null) return { state, entries: [] };
  const dispute = credited(open, holds, now);
  if (dispute === open) return { state, entries: [] };
  const hold = activeHold(holds, open) ?? holds.findLast((candidate) => covers(candidate, open));
  return move({ ...state, order }, now, {
    actor: SYSTEM,
    type: 'dispute.deadline_shifted',
    dispute,
    previous: { respondBy: open.respondBy },
    ...(hold !== undefined && { holdId: hold.id }),
  });
}

/** A dispute after one more of its parties' notices. */
export function withNotice(dispute: Dispute, notice: Notice, now: Instant): Dispute {
  return { ...dispute, notices: [...dispute.notices, notice], updatedAt: now, version: dispute.version + 1 };
}

/**
 * Reminds both parties of a deadline ahead, once for each offset. Where several have come due since the last look, as
 * after an outage, one reminder stands for all of them.
 */
function remind(state: State, now: Instant): Step {
  const { order } = state;
  const open = openDisputeOf(state);
  const left = open?.remindersMs.filter((ms) => now < open.respondBy - ms);
  if (order === null || open === null || left === undefined || left.length === open.remindersMs.length) {
    return { state, entries: [] };
  }
  const reminded = withNotice(open, { kind: 'reminded', at: now }, now);
  const dispute = { ...reminded, remindersMs: left, deadlineSeq: open.deadlineSeq + 1 };
  return move({ ...state, order }, now, { actor: SYSTEM, type: 'dispute.reminder_due', dispute });
}

/** Moves the deadline of a dispute by the time that it was held, and lets silence take effect if it has passed even so. */
function expireDue(state: State, now: Instant): Step {
  const moved = creditHold(state, now);
  const open = openDisputeOf(moved.state);
  const { order } = moved.state;
  if (order === null || open === null || now < open.respondBy) return moved;
  const { effect } = ruleOf(open.type).onExpiry;
  const ending = { resolution: 'expired', effect, actor: SYSTEM } as const;
  const expired = resolve({ ...moved.state, order }, open, now, ending);
  return { state: expired.state, entries: [...moved.entries, ...expired.entries] };
}

/**
 * Does what time has made due: silence takes effect, the deadline of a dispute whose holds have ended is moved, a
 * reminder is sent. Anything else stays as it is. Doing it again changes nothing.
 */
export function applyDue(state: State, now: Instant): Step {
  const settled = expireDue(state, now);
  const open = openDisputeOf(settled.state);
  if (open === null) return settled;
  if (activeHold(state.holds, open) !== undefined) return { state, entries: [] };
  const reminded = remind(settled.state, now);
  return { state: reminded.state, entries: [...settled.entries, ...reminded.entries] };
}

/** An open dispute as it has to be seen at an instant: expired if silence is due, whether or not that has been written yet. */
function expiredAt(dispute: Dispute, holds: readonly Hold[], now: Instant): Dispute {
  const held = credited(dispute, holds, now);
  return now >= held.respondBy ? resolvedDispute(held, now, 'expired', SYSTEM) : dispute;
}

function seenDispute(dispute: Dispute, holds: readonly Hold[], now: Instant): SeenDispute {
  const heldSince = dispute.resolved === null ? (uncountedHold(dispute, holds, now)?.since ?? null) : null;
  return { ...dispute, heldSince };
}

/**
 * A dispute as every reader has to see it at an instant. What is shown is what is stored: the deadline of a held dispute
 * stands still until the hold ends and it is moved, with a log entry.
 */
export function disputeAsSeenAt(dispute: Dispute, holds: readonly Hold[], now: Instant): SeenDispute {
  return seenDispute(dispute.resolved === null ? expiredAt(dispute, holds, now) : dispute, holds, now);
}

/**
 * A state as every reader has to see it at an instant: the same for an order with its disputes. A reminder is something that is
 * done, so that readers see it once it is.
 */
export function asSeenAt<S extends State>(state: S, now: Instant): Seen<S> {
  const due = expireDue(state, now).state;
  const { order, disputes } = openDisputeOf(due) === null ? due : state;
  return { ...state, order, disputes: disputes.map((dispute) => seenDispute(dispute, state.holds, now)) };
}

/**
 * The instant at which something next becomes due on a dispute: silence, a reminder, or at once the move of a deadline whose
 * holds have ended. Null for a resolved dispute, and as long as a hold lasts.
 */
export function dueAt(dispute: Dispute, holds: readonly Hold[]): Instant | null {
  if (dispute.resolved !== null || activeHold(holds, dispute) !== undefined) return null;
  if ((uncountedHold(dispute, holds, Number.POSITIVE_INFINITY)?.ms ?? 0) > 0) return dispute.openedAt;
  return remindAt(dispute) ?? dispute.respondBy;
}

/** Whether something about a dispute is due at an instant and not written yet. */
export function isUnsettled(dispute: Dispute, holds: readonly Hold[], now: Instant): boolean {
  if (dispute.resolved !== null) return false;
  if (expiredAt(dispute, holds, now).resolved !== null) return true;
  const uncounted = uncountedHold(dispute, holds, now);
  return uncounted !== null && uncounted.ms > 0 && activeHold(holds, dispute) === undefined;
}
