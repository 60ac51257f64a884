import type { FeedRow } from '../../application/feed/feed.ts';
import type { Previous } from '../../domain/commands.ts';
import type { Notification } from '../../domain/state.ts';
import { iso, isoOrNull } from '../endpoint/instants.ts';
import { presentEventDispute, presentEventOrder, presentMoney } from './disputes.ts';

function presentPrevious(previous: Previous | null) {
  if (previous === null) return null;
  const { status, deliverBy, respondBy, extrasCount, title, price, previousStatus, revision, ...rest } = previous;
  rest satisfies Record<string, never>; // a new member of `previous` must be presented
  return {
    ...(status !== undefined && { status }),
    ...(deliverBy !== undefined && { deliverBy: isoOrNull(deliverBy) }),
    ...(respondBy !== undefined && { respondBy: iso(respondBy) }),
    ...(extrasCount !== undefined && { extrasCount }),
    ...(title !== undefined && { title }),
    ...(price !== undefined && { price: presentMoney(price) }),
    ...(previousStatus !== undefined && { previousStatus }),
    ...(revision !== undefined && { revision }),
  };
}

/** A message that reached a party. */
export function presentNotification({ role, channel, at }: Notification) {
  return { role, channel, deliveredAt: iso(at) };
}

/**
 * An entry of the log as an event: how the order and the dispute stood when it had happened.
 * @param withComment only for the parties of the order, and for a service that sends people their mail
 */
export function presentEvent(row: FeedRow, withComment: boolean) {
  const { order, dispute, previous, notification } = row.data;
  return {
    id: row.id,
    seq: row.seq,
    type: row.type,
    occurredAt: iso(row.occurredAt),
    orderId: row.orderId,
    orderVersion: row.orderVersion,
    livemode: order.livemode,
    actor: row.actorId === null ? { role: row.actorRole } : { role: row.actorRole, id: row.actorId },
    ...(dispute !== null && { dispute: presentEventDispute(dispute, order) }),
    order: presentEventOrder(order),
    previous: presentPrevious(previous),
    ...(notification !== undefined && { notification: presentNotification(notification) }),
    ...(withComment && row.comment !== null && { comment: row.comment }),
  };
}

/**
 * An event as the payload of a webhook, in the shape that the Standard Webhooks specification recommends.
 * @param withComment only for an endpoint that may have what people wrote
 */
export function presentWebhook(row: FeedRow, withComment: boolean) {
  return {
    type: row.type,
    timestamp: iso(row.occurredAt),
    data: presentEvent(row, withComment),
  };
}
