import type { Blocking, Command, OutdatedReason, Rejection } from './commands.ts';
import {
  ANSWERS,
  type Answer,
  DISPUTE_ACTIONS,
  type DisputeAction,
  type DisputeType,
  LIMITS,
  OTHER_ACTIONS,
  otherRole,
  type Role,
  ruleOf,
} from './rules.ts';
import {
  type Change,
  type Dispute,
  type Instant,
  type Opening,
  type Order,
  openDisputeOf,
  type State,
} from './state.ts';

function isAnswer(action: DisputeAction): action is Answer {
  return (ANSWERS as readonly DisputeAction[]).includes(action);
}

/** Who may take an action on a dispute, by its type; null where the type has no such action. */
function actorOf(type: DisputeType, action: DisputeAction): 'opener' | 'respondent' | 'both' | null {
  if (!isAnswer(action)) return OTHER_ACTIONS[action].by;
  return ruleOf(type).answers[action] === undefined ? null : 'respondent';
}

/** The actions that disputes of a type have, whichever party may take them. */
export function actionsOf(type: DisputeType): readonly DisputeAction[] {
  return DISPUTE_ACTIONS.filter((action) => actorOf(type, action) !== null);
}

/** A dispute; as it is seen, with the hold that keeps its deadline from passing. */
type MaybeHeld = Dispute & { readonly heldSince?: Instant | null };

function closedRefusal(dispute: MaybeHeld, now: Instant): Blocking | null {
  if (dispute.resolved?.resolution === 'expired') {
    return { code: 'response_window_closed', respondBy: dispute.respondBy, decidedAt: now };
  }
  if (dispute.resolved !== null) return { code: 'dispute_not_open', disputeId: dispute.id };
  const isHeld = (dispute.heldSince ?? null) !== null;
  return now >= dispute.respondBy && !isHeld
    ? { code: 'response_window_closed', respondBy: dispute.respondBy, decidedAt: now }
    : null;
}

/** What the order must look like for a change to take effect. */
type Changeable = Pick<Order, 'deliverBy' | 'price'>;

function outdatedReason(order: Changeable, { deliverBy, extras }: Change, now: Instant): OutdatedReason | null {
  if (deliverBy !== null && deliverBy <= now) return 'date_passed';
  if (deliverBy !== null && order.deliverBy !== null && deliverBy <= order.deliverBy) return 'date_not_later';
  const isOtherwise = extras.some(({ price }) => price.currency !== order.price.currency);
  return isOtherwise ? 'currency_changed' : null;
}

/** The change that an action applies to the order, or null where it applies none. */
function changeBy(dispute: Dispute, action: DisputeAction): Change | null {
  const applies = isAnswer(action) && ruleOf(dispute.type).answers[action]?.effect === 'apply_change';
  return applies ? dispute.change : null;
}

/** The instant from which on an action on an open dispute is too late: the deadline, or the date that it would agree on. */
export function possibleUntil(dispute: Dispute, action: DisputeAction): Instant {
  return Math.min(dispute.respondBy, changeBy(dispute, action)?.deliverBy ?? dispute.respondBy);
}

/**
 * Why a role may not take an action on a dispute now, or null if it may. A change was valid when it was asked for; here it
 * is judged again, by the order as it is now.
 */
export function actionRefusal(
  order: Changeable,
  dispute: MaybeHeld,
  action: DisputeAction,
  role: Role,
  now: Instant,
): Blocking | null {
  const actor = actorOf(dispute.type, action);
  if (actor === null) return { code: 'action_not_allowed' };
  if (actor === 'respondent' && role !== dispute.respondent.role) return { code: 'not_respondent' };
  if (actor === 'opener' && role !== dispute.opener.role) return { code: 'not_opener' };
  const closed = closedRefusal(dispute, now);
  if (closed === null && action === 'add_comment' && dispute.commentCount >= LIMITS.comments) {
    return { code: 'comment_limit_reached' };
  }
  const change = changeBy(dispute, action);
  if (closed !== null || change === null) return closed;
  const reason = outdatedReason(order, change, now);
  return reason === null ? null : { code: 'change_outdated', reason };
}

/** The refusal of a command whose precondition does not hold, or null. */
export function mismatch(state: State, { precondition }: Pick<Command, 'precondition'>): Rejection | null {
  return precondition === null || precondition(state) ? null : { code: 'version_mismatch' };
}

/** Whether an action on a dispute of a type has to carry a comment. */
export function commentIsRequired(type: DisputeType, action: DisputeAction): boolean {
  const rule = isAnswer(action) ? ruleOf(type).answers[action] : OTHER_ACTIONS[action];
  return rule?.comment === 'required';
}

/** What an opener asks for, and how long it has to wait after the same request was declined, in milliseconds. */
export interface Wish {
  readonly type: DisputeType;
  readonly role: Role;
  readonly cooldownMs: number;
}

/** Why a role may not open a dispute of a type on an order now, or null if it may. */
export function openingRefusal(state: State, wish: Wish, now: Instant): Blocking | null {
  const { type, role } = wish;
  if (ruleOf(type).opening[role] === undefined) return { code: 'action_not_allowed' };
  const status = state.order?.status;
  if (status === 'completed') return { code: 'order_not_disputable', reason: 'order_completed' };
  if (status === 'cancelled' || status === 'mutually_cancelled') {
    return { code: 'order_not_disputable', reason: 'order_cancelled' };
  }
  const open = openDisputeOf(state);
  if (open !== null) return { code: 'dispute_already_open', disputeId: open.id };
  return state.order === null
    ? null
    : (limitRefusal(state.order, role, now) ?? cooldownRefusal(state.order, wish, now));
}

function cooldownRefusal({ declines }: Order, { type, role, cooldownMs }: Wish, now: Instant): Blocking | null {
  const last = declines.find((declined) => declined.type === type && declined.role === role);
  const availableAt = last === undefined ? now : last.at + cooldownMs;
  return availableAt > now ? { code: 'cooldown_active', availableAt } : null;
}

/** Those of some openings that still count for the limit. */
export function recentOpenings(openings: readonly Opening[], now: Instant): readonly Opening[] {
  return openings.filter(({ at }) => now - at < LIMITS.openingsMs);
}

function limitRefusal({ disputeCount, openings }: Order, role: Role, now: Instant): Blocking | null {
  if (disputeCount >= LIMITS.disputes) return { code: 'dispute_limit_reached', availableAt: null };
  const own = recentOpenings(openings, now).filter((opening) => opening.role === role);
  const earliest = own.at(-LIMITS.openings);
  if (earliest === undefined) return null;
  return { code: 'dispute_limit_reached', availableAt: earliest.at + LIMITS.openingsMs };
}

/** What a viewer has to do about a dispute. */
export type ViewerState = 'action_required' | 'awaiting_other_party' | 'resolved';

/** How a dispute stands for a role. */
export function viewerState(dispute: Dispute, role: Role): ViewerState {
  if (dispute.resolved !== null) return 'resolved';
  return dispute.opener.role === otherRole(role) ? 'action_required' : 'awaiting_other_party';
}
