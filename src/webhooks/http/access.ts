import { type Caller, hasScope } from '../../application/caller.ts';
import { type Outcome, runOnce } from '../../application/idempotent.ts';
import type { AnyCall } from '../../http/endpoint/commands.ts';
import { idempotencyKey } from '../../http/endpoint/idempotency-key.ts';
import { insufficientScope, type ProblemError, problemError } from '../../http/problems/problems.ts';
import type { Tx } from '../../platform/postgres/database.ts';
import type { StoredResponse } from '../../store/idempotency.ts';
import type { AttemptRow } from '../store/attempts.ts';
import { findDelivery } from '../store/deliveries.ts';
import { type EndpointRow, lockEndpoint } from '../store/endpoints.ts';

type Receiving = Pick<EndpointRow, 'includeComments'>;

/**
 * Refuses to change an endpoint that receives comments if the token may not read comments itself: a new URL, a new secret
 * or a replay would hand them to the caller. It is checked on the row under its lock, as it is and as it will be.
 * @throws ProblemError `forbidden`
 */
export function checkMayChange(caller: Caller, { includeComments }: Receiving): void {
  if (!includeComments || hasScope(caller, 'comments:read')) return;
  throw insufficientScope('The token lacks the scope comments:read: the endpoint receives comments.', [
    'comments:read',
  ]);
}

/**
 * Locks an endpoint for a change by a caller, until the transaction ends; undefined if there is none.
 * @throws ProblemError `forbidden`
 */
export async function lockForChange(tx: Tx, caller: Caller, id: string): Promise<EndpointRow | undefined> {
  const endpoint = await lockEndpoint(tx, id);
  if (endpoint !== undefined) checkMayChange(caller, endpoint);
  return endpoint;
}

export const noSuchEndpoint = () => problemError('not_found', 'There is no such webhook endpoint.');
export const noSuchDelivery = () => problemError('not_found', 'There is no such delivery.');

type Work = (tx: Tx, endpoint: EndpointRow) => Promise<StoredResponse>;

/** Runs `work` at most once for a key, with the endpoint that `lock` has locked; a missing one is refused. */
async function runLocked(
  call: AnyCall,
  lock: (tx: Tx) => Promise<EndpointRow | undefined>,
  missing: () => ProblemError,
  work: Work,
): Promise<Outcome> {
  let endpoint: EndpointRow | undefined;
  return await runOnce(
    call.deps.write.db,
    idempotencyKey(call),
    async (tx) => {
      if (endpoint === undefined) throw missing();
      return await work(tx, endpoint);
    },
    async (tx) => {
      endpoint = await lock(tx);
    },
  );
}

/**
 * Runs a change of an endpoint under its lock, at most once for a key. The caller's right to change it is checked before
 * an earlier answer to the key is given again: the answer may hold the secret.
 * @throws ProblemError `forbidden` or `not_found`
 */
export function changeOnce(call: AnyCall, endpointId: string, work: Work): Promise<Outcome> {
  return runLocked(call, (tx) => lockForChange(tx, call.caller, endpointId), noSuchEndpoint, work);
}

/**
 * The same for a change of a delivery, under the lock of its endpoint.
 * @throws ProblemError `forbidden` or `not_found`
 */
export function changeDeliveryOnce(call: AnyCall, deliveryId: string, work: Work): Promise<Outcome> {
  const lock = async (tx: Tx) => {
    const delivery = await findDelivery(tx, deliveryId);
    return delivery === undefined ? undefined : await lockForChange(tx, call.caller, delivery.endpointId);
  };
  return runLocked(call, lock, noSuchDelivery, work);
}

/**
 * Whether a caller may see what a receiver answered to an attempt: a receiver may repeat the comments that it was sent,
 * with this message or with an earlier one.
 */
export function mayReadResponse(caller: Caller, { includeComments }: Receiving, { withComments }: AttemptRow): boolean {
  return hasScope(caller, 'comments:read') || !(includeComments || withComments);
}
