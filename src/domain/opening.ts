import { mismatch, openingRefusal, recentOpenings } from './actions.ts';
import type { ChangeFault, OpenDispute, Rejection } from './commands.ts';
import { findReason } from './reasons.ts';
import { LIMITS, otherRole, ruleOf } from './rules.ts';
import type { Change, Dispute, Extra, Instant, Order, Party, State } from './state.ts';
import { move, type Step } from './transition.ts';

function reasonRefusal({ type, actor, reason }: OpenDispute): Rejection | null {
  const presence = ruleOf(type).opening[actor.role]?.reason ?? 'none';
  if (reason === null) return presence === 'required' ? { code: 'reason_required' } : null;
  if (presence === 'none') return { code: 'reason_not_allowed', role: null };
  return findReason(actor.role, reason) === undefined ? { code: 'reason_not_allowed', role: actor.role } : null;
}

function commentRefusal(command: OpenDispute): Rejection | null {
  if (command.comment !== null) return null;
  const byRule = ruleOf(command.type).opening[command.actor.role]?.comment === 'required';
  const byReason = command.reason !== null && findReason(command.actor.role, command.reason)?.requiresComment === true;
  return byRule || byReason ? { code: 'comment_required' } : null;
}

const invalidChange = (pointer: string, fault: ChangeFault): Rejection => ({ code: 'invalid_change', pointer, fault });

function deliverByRefusal(order: Order, deliverBy: Instant, now: Instant): Rejection | null {
  const than = Math.max(now, order.deliverBy ?? now);
  return deliverBy > than ? null : invalidChange('/change/deliverBy', { code: 'not_later_than', than });
}

/** How many extras an order has room for, in one change. */
export function roomForExtras({ extras }: Pick<Order, 'extras'>): number {
  return Math.min(LIMITS.extras, LIMITS.orderExtras - extras.length);
}

/** Extras are paid together with the order, and so in its currency. */
function extrasRefusal({ price, ...order }: Order, extras: readonly Extra[]): Rejection | null {
  const maximum = roomForExtras(order);
  if (extras.length > maximum) return invalidChange('/change/extras', { code: 'too_long', maximum });
  const index = extras.findIndex((extra) => extra.price.currency !== price.currency);
  if (index < 0) return null;
  return invalidChange(`/change/extras/${index}/price/currency`, { code: 'not_one_of', values: [price.currency] });
}

function changeRefusal(order: Order, command: OpenDispute, now: Instant): Rejection | null {
  const presence = ruleOf(command.type).opening[command.actor.role]?.change;
  const { change } = command;
  const isEmpty = change === null || (change.deliverBy === null && change.extras.length === 0);
  if (presence === 'none') return change === null ? null : invalidChange('/change', { code: 'unknown' });
  if (isEmpty) return presence === 'required' ? invalidChange('/change', { code: 'required' }) : null;
  const dateRefusal = change.deliverBy === null ? null : deliverByRefusal(order, change.deliverBy, now);
  return dateRefusal ?? extrasRefusal(order, change.extras);
}

function respondentOf(order: Order, opener: Party): Party {
  const role = otherRole(opener.role);
  return { role, id: role === 'client' ? order.clientId : order.freelancerId };
}

/** The change as it is kept: a plain copy, so that nothing else rides along. */
function keep(change: Change | null): Change | null {
  return change === null ? null : { deliverBy: change.deliverBy, extras: change.extras };
}

/** Opens a dispute on an order, or says why not. */
export function openDispute(state: State & { order: Order }, command: OpenDispute, now: Instant): Step | Rejection {
  const refusal =
    openingRefusal(state, { type: command.type, role: command.actor.role, cooldownMs: command.cooldownMs }, now) ??
    mismatch(state, command) ??
    reasonRefusal(command) ??
    commentRefusal(command) ??
    changeRefusal(state.order, command, now);
  if (refusal !== null) return refusal;
  const dispute: Dispute = {
    id: command.disputeId,
    orderId: state.order.id,
    type: command.type,
    opener: command.actor,
    respondent: respondentOf(state.order, command.actor),
    reason: command.reason,
    comment: command.comment,
    change: keep(command.change),
    openedAt: now,
    updatedAt: now,
    respondBy: now + command.windowMs,
    remindersMs: command.remindersMs.filter((ms) => ms < command.windowMs),
    deadlineSeq: 1,
    heldMs: 0,
    resolved: null,
    commentCount: 0,
    notices: [],
    version: 1,
  };
  const { disputeCount, openings } = state.order;
  const order = {
    disputeCount: disputeCount + 1,
    openings: [...recentOpenings(openings, now), { role: command.actor.role, at: now }],
  };
  return move(state, now, { actor: command.actor, type: 'dispute.opened', dispute, order, comment: command.comment });
}
