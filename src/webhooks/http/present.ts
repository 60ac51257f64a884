import { iso, isoOrNull } from '../../http/endpoint/instants.ts';
import type { AttemptRow, DeliveryRow, EndpointRow } from '../inspect.ts';

function statusOf({ active, disabledReason }: EndpointRow): 'active' | 'inactive' | 'disabled' {
  if (active) return 'active';
  return disabledReason === null ? 'inactive' : 'disabled';
}

/** An endpoint as JSON, without its secrets. */
export function presentEndpoint(row: EndpointRow) {
  return {
    id: row.id,
    url: row.url,
    types: row.types,
    description: row.description,
    active: row.active,
    includeComments: row.includeComments,
    status: statusOf(row),
    disabledReason: row.disabledReason,
    disabledAt: isoOrNull(row.disabledAt),
    failingSince: isoOrNull(row.failingSince),
    position: row.position,
    previousSecretExpiresAt: isoOrNull(row.previousSecretUntil),
    createdBy: row.createdBy,
    createdAt: iso(row.createdAt),
    updatedAt: iso(row.updatedAt),
  };
}

/** Says of an attempt whether the caller may see what the receiver answered. */
export type IsReadable = (attempt: AttemptRow) => boolean;

/** For an answer that is kept for its key, so that what receivers answered is in one table and can be erased; and for operators. */
export const NO_RESPONSES: IsReadable = () => false;

function presentAttempt(attempt: AttemptRow, isReadable: IsReadable) {
  const { at, durationMs, statusCode, error, response, counted } = attempt;
  return { at: iso(at), durationMs, counted, statusCode, error, response: isReadable(attempt) ? response : null };
}

/** A delivery as JSON, with those of some attempts that are its own. */
export function presentDelivery(row: DeliveryRow, attempts: readonly AttemptRow[], isReadable: IsReadable) {
  return {
    id: row.id,
    endpointId: row.endpointId,
    eventId: row.messageId,
    type: row.type,
    orderId: row.orderId,
    orderVersion: row.orderVersion,
    seq: row.seq,
    status: row.status,
    attempts: attempts
      .filter(({ deliveryId }) => deliveryId === row.id)
      .map((attempt) => presentAttempt(attempt, isReadable)),
    // While it is being sent, that is when it would be given to another sender.
    nextAttemptAt: row.claim === null ? isoOrNull(row.nextAttemptAt) : null,
    createdAt: iso(row.createdAt),
    finishedAt: isoOrNull(row.finishedAt),
  };
}
