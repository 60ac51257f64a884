import { actionRefusal, answersOf, commentIsRequired, viewerState } from '../domain/actions.ts';
import { type DisputeAction, type OrderEffect, RESOLUTIONS, type Role, ruleOf } from '../domain/rules.ts';
import type { Actor, Change, Dispute, Instant, Order } from '../domain/state.ts';
import type { LogRow } from '../store/reads.ts';

const iso = (instant: Instant): string => new Date(instant).toISOString();
const isoOrNull = (instant: Instant | null): string | null => (instant === null ? null : iso(instant));

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

function presentChange(change: Change | null) {
  return change === null ? null : { deliverBy: isoOrNull(change.deliverBy), extras: change.extras };
}

const orderStatusAfter = (effect: OrderEffect) => (effect === 'cancel_order' ? 'mutually_cancelled' : 'previous');

/** What silence does to a dispute of a type. */
export function presentOnExpiry(type: Dispute['type']) {
  const { action, effect } = ruleOf(type).onExpiry;
  return { action, orderStatus: orderStatusAfter(effect) } as const;
}

/** An action of a role on a dispute, if it is possible now. */
function allowedAction(dispute: Dispute, action: DisputeAction, role: Role, now: Instant) {
  if (actionRefusal(dispute, action, role, now) !== null) return null;
  return {
    action,
    method: 'POST',
    href: disputeHref(dispute.id, action),
    until: iso(dispute.respondBy),
    comment: commentIsRequired(dispute.type, action) ? 'required' : 'optional',
  } as const;
}

/** What a role may do with a dispute now; comments apart, which both parties may always add while it is open. */
export function allowedActions(dispute: Dispute, role: Role, now: Instant) {
  const actions = [...answersOf(dispute.type), 'withdraw'] as const;
  return actions.flatMap((action) => allowedAction(dispute, action, role, now) ?? []);
}

const presentActor = (actor: Actor) => ('id' in actor ? { role: actor.role, id: actor.id } : { role: actor.role });

/** A dispute as JSON: for a party with what it wrote and may do; for a service (role null) without. */
export function presentDispute(dispute: Dispute, role: Role | null, now: Instant) {
  const { resolved } = dispute;
  return {
    id: dispute.id,
    orderId: dispute.orderId,
    type: dispute.type,
    status: resolved === null ? 'open' : 'resolved',
    resolution: resolved?.resolution ?? null,
    resolvedBy: resolved === null ? null : presentActor(resolved.by),
    resolvedAt: isoOrNull(resolved?.at ?? null),
    opener: dispute.opener,
    respondent: dispute.respondent,
    reason: dispute.reason,
    ...(role !== null && { comment: dispute.comment }),
    change: presentChange(dispute.change),
    openedAt: iso(dispute.openedAt),
    updatedAt: iso(dispute.updatedAt),
    respondBy: iso(dispute.respondBy),
    onExpiry: presentOnExpiry(dispute.type),
    awaiting: resolved === null ? dispute.respondent.role : null,
    version: dispute.version,
    ...(role !== null && {
      viewer: {
        role,
        state: viewerState(dispute, role),
        allowedActions: allowedActions(dispute, role, now),
        addComment: allowedAction(dispute, 'add_comment', role, now),
      },
    }),
    serverTime: iso(now),
  };
}

/** The open dispute that stands in somebody's way, with what that party may do about it. */
export function presentObstacle(dispute: Dispute, role: Role, now: Instant) {
  const { id, type, opener } = dispute;
  return { id, type, opener, respondBy: iso(dispute.respondBy), allowedActions: allowedActions(dispute, role, now) };
}

function presentOpenDispute(dispute: Dispute | undefined) {
  if (dispute === undefined) return null;
  const { id, type, opener } = dispute;
  const respondBy = iso(dispute.respondBy);
  return { id, type, opener, respondBy, onExpiry: presentOnExpiry(type), href: disputeHref(id) };
}

function presentCancellation(order: Order, disputes: readonly Dispute[]) {
  const dispute = disputes.find(({ id }) => id === order.cancelledByDisputeId);
  if (dispute === undefined || dispute.resolved === null) return null;
  return {
    disputeId: dispute.id,
    resolution: dispute.resolved.resolution,
    requestedBy: dispute.opener.role,
    reason: dispute.reason,
    cancelledAt: iso(dispute.resolved.at),
  };
}

/** What an order is in itself, as JSON. */
export function presentOrderFacts(order: Order) {
  return {
    id: order.id,
    clientId: order.clientId,
    freelancerId: order.freelancerId,
    title: order.title,
    status: order.status,
    previousStatus: order.status === 'in_dispute' ? order.reportedStatus : null,
    deliverBy: isoOrNull(order.deliverBy),
    extras: order.extras,
    price: order.price,
    revision: order.revision,
    createdAt: iso(order.createdAt),
    updatedAt: iso(order.updatedAt),
  };
}

/** An order as JSON; `disputes` holds its open dispute and the one that ended it. */
export function presentOrder(order: Order, disputes: readonly Dispute[], now: Instant) {
  return {
    ...presentOrderFacts(order),
    openDispute: presentOpenDispute(disputes.find(({ resolved }) => resolved === null)),
    cancellation: presentCancellation(order, disputes),
    serverTime: iso(now),
  };
}

/** One line of a timeline; `withComment` only for the two parties. */
export function presentTimelineEntry(row: LogRow, index: number, withComment: boolean) {
  const action = row.type.slice('dispute.'.length);
  const opens = action === 'opened';
  const staysOpen = opens || !(RESOLUTIONS as readonly string[]).includes(action);
  return {
    seq: index + 1,
    at: iso(row.occurredAt),
    action,
    actor: row.actorId === null ? { role: row.actorRole } : { role: row.actorRole, id: row.actorId },
    fromStatus: opens ? null : 'open',
    toStatus: staysOpen ? 'open' : 'resolved',
    cause: row.cause,
    ...(withComment && row.comment !== null && { comment: row.comment }),
    ...(withComment && row.commentErasedAt !== null && { commentErasedAt: iso(row.commentErasedAt) }),
  };
}

/** The entity tag of a dispute: its version. */
export function etagOf(dispute: Dispute): string {
  return `"${dispute.version}"`;
}
