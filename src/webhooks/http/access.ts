import { type Caller, hasScope } from '../../application/caller.ts';
import type { AnyCall } from '../../http/endpoint/endpoint.ts';
import { idempotencyKey } from '../../http/endpoint/idempotency-key.ts';
import { insufficientScope, positionAhead, problemError } from '../../http/problems/problems.ts';
import type { Asked, Refusal } from '../change-once.ts';
import type { AttemptRow, EndpointRow } from '../inspect.ts';
import { MOST_ENDPOINTS } from '../manage.ts';

/** Who asks for a change, and with which key. */
export function askedBy(call: AnyCall): Omit<Asked, 'id'> {
  const { caller } = call;
  const manager = { id: caller.id, mayReadComments: hasScope(caller, 'comments:read') };
  return { manager, key: idempotencyKey(call) };
}

export const noSuchEndpoint = () => problemError('not_found', 'There is no such webhook endpoint.');
export const noSuchDelivery = () => problemError('not_found', 'There is no such delivery.');

function refuse(refusal: Refusal): never {
  switch (refusal.refused) {
    case 'no_endpoint':
      throw noSuchEndpoint();
    case 'no_delivery':
      throw noSuchDelivery();
    case 'comments_not_allowed':
      throw insufficientScope('The token lacks the scope comments:read: the endpoint receives comments.', [
        'comments:read',
      ]);
    case 'too_many_endpoints':
      throw problemError('endpoint_limit_reached', `There are ${MOST_ENDPOINTS} endpoints already. Remove one first.`);
    case 'position_ahead':
      throw positionAhead(refusal.end);
    default:
      return refusal satisfies never;
  }
}

/**
 * What came of a change.
 * @throws ProblemError if it was refused
 */
export function unlessRefused<T extends object>(result: T | Refusal): T {
  return 'refused' in result ? refuse(result) : result;
}

/**
 * Whether a caller may see what a receiver answered to an attempt: a receiver may repeat the comments that it was sent,
 * with this message or with an earlier one.
 */
export function mayReadResponse(
  caller: Caller,
  { includeComments }: Pick<EndpointRow, 'includeComments'>,
  { withComments }: AttemptRow,
): boolean {
  return hasScope(caller, 'comments:read') || !(includeComments || withComments);
}
