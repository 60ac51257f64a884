import { actionRefusal, actionsOf, commentIsRequired, possibleUntil, viewerState } from '../../domain/actions.ts';
import { type DisputeAction, type OrderEffect, type Role, ruleOf } from '../../domain/rules.ts';
import {
  type Actor,
  type Change,
  type Dispute,
  type Extra,
  type Instant,
  type LoggedDispute,
  loggedDispute,
  type Money,
  type NoticeSummary,
  type Order,
  type Party,
  type SeenDispute,
} from '../../domain/state.ts';
import { digestOf, entityTag } from '../endpoint/etag.ts';
import { iso, isoOrNull } from '../endpoint/instants.ts';

/** The last part of an action's address. */
const SEGMENTS: Readonly<Record<DisputeAction, string>> = {
  accept: 'accept',
  decline: 'decline',
  provide_update: 'provide-update',
  withdraw: 'withdraw',
  add_comment: 'comments',
};

/** The address of a dispute, or of an action on it. */
export function disputeHref(id: string, action?: DisputeAction): string {
  return action === undefined ? `/v1/disputes/${id}` : `/v1/disputes/${id}/${SEGMENTS[action]}`;
}

// Objects that come out of a JSON column have their members in another order. Each is built anew, so that equal values are
// equal texts, whose digest is the entity tag.
export const presentMoney = ({ amount, currency }: Money) => ({ amount, currency });
export const presentExtra = ({ title, price }: Extra) => ({ title, price });
const presentParty = ({ role, id }: Party) => ({ role, id });

function presentChange(change: Change | null) {
  return change === null ? null : { deliverBy: isoOrNull(change.deliverBy), extras: change.extras.map(presentExtra) };
}

const orderStatusAfter = (effect: OrderEffect) => (effect === 'cancel_order' ? 'mutually_cancelled' : 'previous');

/** What silence does to a dispute of a type. */
export function presentOnExpiry(type: Dispute['type']) {
  const { action, effect } = ruleOf(type).onExpiry;
  return { action, orderStatus: orderStatusAfter(effect) } as const;
}

/** An action of a role on a dispute, if it is possible now. */
function allowedAction(dispute: SeenDispute, order: Order, action: DisputeAction, role: Role, now: Instant) {
  if (actionRefusal(order, dispute, action, role, now) !== null) return null;
  return {
    action,
    method: 'POST',
    href: disputeHref(dispute.id, action),
    until: iso(possibleUntil(dispute, action)),
    comment: commentIsRequired(dispute.type, action) ? 'required' : 'optional',
  } as const;
}

/** What a role may do with a dispute now; comments apart, which both parties may always add while it is open. */
function allowedActions(dispute: SeenDispute, order: Order, role: Role, now: Instant) {
  const actions = actionsOf(dispute.type).filter((action) => action !== 'add_comment');
  return actions.flatMap((action) => allowedAction(dispute, order, action, role, now) ?? []);
}

/** What the entries of a release say that did not know of notices. */
const WITHOUT_NOTICE = { notice: { remindedAt: null, notifiedAt: null, seenAt: null }, noticeCount: 0 };

/** What is known of how a respondent heard of its dispute. */
export function presentNotice({ remindedAt, notifiedAt, seenAt }: NoticeSummary) {
  return { remindedAt: isoOrNull(remindedAt), notifiedAt: isoOrNull(notifiedAt), seenAt: isoOrNull(seenAt) };
}

const presentActor = (actor: Actor) => ('id' in actor ? { role: actor.role, id: actor.id } : { role: actor.role });

/** What entries of the log have of an order. */
type OrderInEvents = Omit<Order, 'extras' | 'openings' | 'declines'>;

const presentOrderSummary = ({ id, title, status, price, deliverBy }: OrderInEvents) => ({
  id,
  title,
  status,
  price: presentMoney(price),
  deliverBy: isoOrNull(deliverBy),
});

/** The state of a dispute, the same for each caller at any time: its events tell it, and If-Match compares it. */
function disputeFacts(dispute: LoggedDispute, order: OrderInEvents) {
  const { resolved } = dispute;
  return {
    id: dispute.id,
    orderId: dispute.orderId,
    type: dispute.type,
    status: resolved === null ? ('open' as const) : ('resolved' as const),
    resolution: resolved?.resolution ?? null,
    resolvedBy: resolved === null ? null : presentActor(resolved.by),
    resolvedAt: isoOrNull(resolved?.at ?? null),
    opener: presentParty(dispute.opener),
    respondent: presentParty(dispute.respondent),
    reason: dispute.reason,
    change: presentChange(dispute.change),
    openedAt: iso(dispute.openedAt),
    updatedAt: iso(dispute.updatedAt),
    respondBy: iso(dispute.respondBy),
    onExpiry: presentOnExpiry(dispute.type),
    awaiting: resolved === null ? dispute.respondent.role : null,
    version: dispute.version,
    notice: presentNotice(dispute.notice),
    order: presentOrderSummary(order),
    livemode: order.livemode,
  };
}

// `respondBy` changes with `version`, and `updatedAt` with `version` or a notice. No decision depends on notices, so that the state
// does not count them. The status behind the dispute is the one that the order goes back to, so that a decision depends on it.
function factsState(facts: ReturnType<typeof disputeFacts>, { noticeCount }: LoggedDispute, order: OrderInEvents) {
  const { respondBy: _, updatedAt: __, notice: ___, version, ...rest } = facts;
  return digestOf([rest, version - noticeCount, order.reportedStatus]);
}

/** The part of a dispute's entity tag that If-Match compares. */
export function disputeState(dispute: Dispute, order: Order): string {
  const logged = loggedDispute(dispute);
  return factsState(disputeFacts(logged, order), logged, order);
}

/** Since when the deadline of a dispute stands still; null where it does not. */
const presentHeld = ({ heldSince }: SeenDispute) => (heldSince === null ? null : { since: iso(heldSince) });

function presentViewer(dispute: SeenDispute, order: Order, role: Role, now: Instant) {
  return {
    role,
    state: viewerState(dispute, role),
    allowedActions: allowedActions(dispute, order, role, now),
    addComment: allowedAction(dispute, order, 'add_comment', role, now),
  };
}

/** A dispute as JSON: for a party with what it wrote and may do; for a service (role null) without. */
export function presentDispute(dispute: SeenDispute, order: Order, role: Role | null, now: Instant) {
  const logged = loggedDispute(dispute);
  const facts = disputeFacts(logged, order);
  const held = presentHeld(dispute);
  const own = role === null ? {} : { comment: dispute.comment, viewer: presentViewer(dispute, order, role, now) };
  const state = factsState(facts, logged, order);
  const { respondBy, updatedAt, notice, version } = facts;
  const etag = entityTag(state, digestOf([state, respondBy, updatedAt, notice, version, held, own]));
  return { ...facts, held, ...own, etag, serverTime: iso(now) };
}

/** A dispute as its events tell of it, beside its order. */
export function presentEventDispute(logged: LoggedDispute, order: OrderInEvents) {
  const dispute = { ...WITHOUT_NOTICE, ...logged };
  const facts = disputeFacts(dispute, order);
  const { order: _, ...own } = facts;
  return { ...own, etag: entityTag(factsState(facts, dispute, order)) };
}

/** The open dispute that conflicts with a party's request, with what that party may do about it. */
export function presentConflict(dispute: SeenDispute, order: Order, role: Role, now: Instant) {
  const { id, type, opener, respondBy, held, viewer, etag } = presentDispute(dispute, order, role, now);
  return { id, type, opener, respondBy, held, allowedActions: viewer?.allowedActions ?? [], etag };
}

function presentOpenDispute(dispute: SeenDispute | undefined) {
  if (dispute === undefined) return null;
  const { id, type } = dispute;
  const opener = presentParty(dispute.opener);
  const respondBy = iso(dispute.respondBy);
  const held = presentHeld(dispute);
  return { id, type, opener, respondBy, held, onExpiry: presentOnExpiry(type), href: disputeHref(id) };
}

function presentCancellation(order: Order, disputes: readonly Dispute[]) {
  const dispute = disputes.find(({ id }) => id === order.cancelledByDisputeId);
  if (dispute === undefined || dispute.resolved === null) return null;
  return {
    disputeId: dispute.id,
    resolution: dispute.resolved.resolution as 'accepted' | 'expired', // no other one cancels an order
    requestedBy: dispute.opener.role,
    reason: dispute.reason,
    cancelledAt: iso(dispute.resolved.at),
  };
}

/** What an order is in itself, as JSON, but for its extras. */
function orderFacts(order: OrderInEvents) {
  return {
    id: order.id,
    clientId: order.clientId,
    freelancerId: order.freelancerId,
    title: order.title,
    status: order.status,
    previousStatus: order.status === 'in_dispute' ? order.reportedStatus : null,
    deliverBy: isoOrNull(order.deliverBy),
    price: presentMoney(order.price),
    revision: order.revision,
    livemode: order.livemode,
    testClockId: order.testClockId,
    createdAt: iso(order.createdAt),
    updatedAt: iso(order.updatedAt),
  };
}

/**
 * The part of an order's entity tag that If-Match compares. What is sent to an order depends on its facts and on whether it has had
 * another dispute since: the status says whether one is open, and their number grows with each. `version` is left out, as it also counts
 * looks, notices, reminders and comments, on which nothing here depends.
 */
function stateOf(order: OrderInEvents, extrasCount: number): string {
  const { updatedAt: _, ...facts } = orderFacts(order);
  // Extras are only ever added, so that their number stands for them.
  return digestOf([facts, extrasCount, order.disputeCount]);
}

/** The same for an order with all that it has. */
export const orderState = (order: Order): string => stateOf(order, order.extras.length);

/** An order as its events tell of it. */
export function presentEventOrder({ extrasCount, ...order }: OrderInEvents & { readonly extrasCount: number }) {
  return { ...orderFacts(order), extrasCount, etag: entityTag(stateOf(order, extrasCount)) };
}

/** An order as JSON; `disputes` holds its open dispute and the one that ended it. */
export function presentOrder(order: Order, disputes: readonly SeenDispute[], now: Instant) {
  const facts = { ...orderFacts(order), extras: order.extras.map(presentExtra) };
  const state = orderState(order);
  const own = {
    openDispute: presentOpenDispute(disputes.find(({ resolved }) => resolved === null)),
    cancellation: presentCancellation(order, disputes),
  };
  return { ...facts, ...own, etag: entityTag(state, digestOf([state, facts.updatedAt, own])), serverTime: iso(now) };
}
