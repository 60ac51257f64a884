import { mismatch, openingRefusal } from './actions.ts';
import type { OpenDispute, Rejection } from './commands.ts';
import { findReason } from './reasons.ts';
import { otherRole, ruleOf } from './rules.ts';
import type { Change, Dispute, Instant, Order, Party, State } from './state.ts';
import { move, type Step } from './transition.ts';

function reasonRefusal(command: OpenDispute): Rejection | null {
  const rule = ruleOf(command.type).opening[command.actor.role];
  if (command.reason === null) return rule?.reason === 'required' ? { code: 'reason_required' } : null;
  const known = rule?.reason !== 'none' && findReason(command.actor.role, command.reason) !== undefined;
  return known ? null : { code: 'reason_not_allowed' };
}

function commentRefusal(command: OpenDispute): Rejection | null {
  if (command.comment !== null) return null;
  const byRule = ruleOf(command.type).opening[command.actor.role]?.comment === 'required';
  const byReason = command.reason !== null && findReason(command.actor.role, command.reason)?.requiresComment === true;
  return byRule || byReason ? { code: 'comment_required' } : null;
}

const invalidChange = (pointer: string, problem: string): Rejection => ({ code: 'invalid_change', pointer, problem });

function deliverByRefusal(order: Order, deliverBy: Instant, now: Instant): Rejection | null {
  if (deliverBy <= now) return invalidChange('/change/deliverBy', 'must be later than now');
  if (order.deliverBy !== null && deliverBy <= order.deliverBy) {
    return invalidChange('/change/deliverBy', "must be later than the order's current deliverBy");
  }
  return null;
}

function changeRefusal(order: Order, command: OpenDispute, now: Instant): Rejection | null {
  const presence = ruleOf(command.type).opening[command.actor.role]?.change;
  const { change } = command;
  if (change === null) {
    return presence === 'required' ? invalidChange('/change', 'must have deliverBy, extras or both') : null;
  }
  if (presence === 'none') return invalidChange('/change', `must be absent from a request of type ${command.type}`);
  if (change.deliverBy === null && change.extras.length === 0) {
    return invalidChange('/change', 'must have deliverBy, extras or both');
  }
  return change.deliverBy === null ? null : deliverByRefusal(order, change.deliverBy, now);
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
    openingRefusal(state, command.type, command.actor.role) ??
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
    heldThrough: null,
    resolved: null,
    version: 1,
  };
  return move(state, now, { actor: command.actor, type: 'dispute.opened', dispute, comment: command.comment });
}
