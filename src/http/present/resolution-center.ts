import type { z } from 'zod';
import type { FoundCenter } from '../../application/read.ts';
import { actionRefusal, actionsOf, commentIsRequired, openingRefusal, possibleUntil } from '../../domain/actions.ts';
import type { Blocking } from '../../domain/commands.ts';
import { roomForExtras } from '../../domain/opening.ts';
import { REASONS, type Reason } from '../../domain/reasons.ts';
import {
  DISPUTE_TYPES,
  type DisputeAction,
  type DisputeType,
  LIMITS,
  type Presence,
  type Role,
  ruleOf,
} from '../../domain/rules.ts';
import { type Instant, type Order, openDisputeOf, type Seen, type SeenDispute } from '../../domain/state.ts';
import { formatDuration } from '../../platform/duration.ts';
import { digestOf, entityTag } from '../endpoint/etag.ts';
import { iso, isoOrNull } from '../endpoint/instants.ts';
import { rejectionProblem } from '../problems/problems.ts';
import type { Blocked } from '../schemas/resolution-center.ts';
import { type Locale, reasonLabel, TEXTS } from '../texts/languages.ts';
import { disputeHref, orderState, presentDispute, presentOnExpiry, presentOrder } from './disputes.ts';
import { presentTimeline } from './timeline.ts';

/** A reason of the catalogue as JSON. */
export function presentReason(reason: Reason, locale: Locale) {
  const { code, role, requiresComment, attribution } = reason;
  return { code, role, label: reasonLabel(reason, locale), requiresComment, attribution };
}

function presentBlocked(refusal: Blocking | null): z.output<typeof Blocked> | null {
  if (refusal === null) return null;
  const availableAt = 'availableAt' in refusal ? refusal.availableAt : null;
  return {
    code: refusal.code,
    reason: 'reason' in refusal ? refusal.reason : null,
    availableAt: isoOrNull(availableAt),
    detail: rejectionProblem(refusal).detail,
  };
}

const commentField = (presence: Presence) => ({
  presence: presence === 'required' ? ('required' as const) : ('optional' as const),
  minLength: 1,
  maxLength: LIMITS.commentLength,
});

function reasonField(presence: Presence, role: Role, locale: Locale) {
  if (presence === 'none') return null;
  const own = REASONS.filter((reason) => reason.role === role);
  return { presence, options: own.map((reason) => presentReason(reason, locale)) };
}

function changeField(presence: Presence, order: Order) {
  if (presence === 'none') return null;
  const { deliverBy, price } = order;
  const maxItems = roomForExtras(order);
  return {
    presence,
    minParts: 1,
    deliverBy: { presence: 'optional' as const, after: isoOrNull(deliverBy) },
    extras: {
      presence: 'optional' as const,
      minItems: Math.min(1, maxItems),
      maxItems,
      titleMinLength: 1,
      titleMaxLength: LIMITS.titleLength,
      priceMin: 0,
      priceMax: LIMITS.amount,
      currency: price.currency,
    },
  };
}

interface Viewing {
  readonly order: Order;
  readonly state: Seen;
  readonly role: Role;
  readonly now: Instant;
  /** The language of labels. */
  readonly locale: Locale;
  readonly windowsMs: Readonly<Record<DisputeType, number>>;
  readonly cooldownMs: number;
  /** The dispute that was resolved last. */
  readonly lastDispute: SeenDispute | null;
  /** The beginning of the timeline of the open dispute, or of the last one. */
  readonly timeline: FoundCenter['timeline'];
}

function presentOpening({ order, state, role, now, windowsMs, cooldownMs, locale }: Viewing, type: DisputeType) {
  const rule = ruleOf(type).opening[role];
  if (rule === undefined) return null;
  const refusal = openingRefusal(state, { type, role, cooldownMs }, now);
  return {
    action: 'open' as const,
    type,
    allowed: refusal === null,
    blocked: presentBlocked(refusal),
    label: TEXTS[locale][`label.open.${type}`],
    method: 'POST' as const,
    href: `/v1/orders/${order.id}/disputes`,
    window: formatDuration(windowsMs[type]),
    windowSeconds: Math.round(windowsMs[type] / 1_000),
    onExpiry: presentOnExpiry(type),
    fields: {
      reason: reasonField(rule.reason, role, locale),
      comment: commentField(rule.comment),
      change: changeField(rule.change, order),
    },
  };
}

function presentOption({ order, role, now, locale }: Viewing, dispute: SeenDispute, action: DisputeAction) {
  const refusal = actionRefusal(order, dispute, action, role, now);
  return {
    action,
    disputeId: dispute.id,
    allowed: refusal === null,
    blocked: presentBlocked(refusal),
    label: TEXTS[locale][`label.${action}`],
    method: 'POST' as const,
    href: disputeHref(dispute.id, action),
    until: iso(possibleUntil(dispute, action)),
    fields: { comment: commentField(commentIsRequired(dispute.type, action) ? 'required' : 'optional') },
  };
}

/** Why nothing can be done on an order at all, or null. */
function unavailability(order: Order) {
  if (order.status === 'completed') return presentBlocked({ code: 'order_not_disputable', reason: 'order_completed' });
  const isCancelled = order.status === 'cancelled' || order.status === 'mutually_cancelled';
  return isCancelled ? presentBlocked({ code: 'order_not_disputable', reason: 'order_cancelled' }) : null;
}

function presentView(viewing: Viewing) {
  const { order, state, role, now, lastDispute, timeline } = viewing;
  const open = openDisputeOf(state);
  const unavailable = unavailability(order);
  const actions = open === null ? [] : actionsOf(open.type);
  return {
    orderId: order.id,
    available: unavailable === null,
    unavailable,
    viewer: { role },
    order: presentOrder(order, state.disputes, now),
    openDispute: open === null ? null : presentDispute(open, order, role, now),
    lastDispute: lastDispute === null ? null : presentDispute(lastDispute, order, role, now),
    timeline: timeline === null ? null : presentTimeline(timeline.page, timeline.disputeId, true),
    open: DISPUTE_TYPES.flatMap((type) => presentOpening(viewing, type) ?? []),
    respond: open === null ? [] : actions.map((action) => presentOption(viewing, open, action)),
  };
}

/** The order page for one role: what stands open, and each action as allowed or blocked. */
export function presentResolutionCenter(viewing: Viewing) {
  const view = presentView(viewing);
  const { order, openDispute, lastDispute, ...rest } = view;
  const shown = [rest, order.etag, openDispute?.etag, lastDispute?.etag];
  const etag = entityTag(orderState(viewing.order), digestOf(shown));
  return { ...view, etag, serverTime: iso(viewing.now) };
}
