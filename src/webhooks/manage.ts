import { randomBytes } from 'node:crypto';
import { type Outcome, runOnce, type StoredResponse } from '../application/idempotent.ts';
import type { Encryption } from '../platform/encryption.ts';
import { type Tx, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import {
  type Asked,
  changeOnce,
  checkMayChange,
  lockForChange,
  type ManageDeps,
  orRefusal,
  present,
  type Refusal,
  RefusedError,
  runLocked,
} from './change-once.ts';
import { changeEndpoint, type EndpointChange } from './changes.ts';
import { queueAgain, queueMessage } from './queue.ts';
import { TEST } from './states.ts';
import { type AttemptRow, attemptsOf } from './store/attempts.ts';
import { type DeliveryRow, findDelivery } from './store/deliveries.ts';
import {
  countEndpoints,
  deleteEndpoint,
  type EndpointRow,
  insertEndpoint,
  movePosition,
  type NewEndpoint,
  replaceSecret,
} from './store/endpoints.ts';
import { endOfLog } from './store/fan-out.ts';

/** How many endpoints a deployment has at most. */
export const MOST_ENDPOINTS = 100;

const SECRET_BYTES = 32;
const newSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

// An answer with a secret is kept for its key like any other, but encrypted.
const KEPT_ANSWER = 'kept answer';
const encrypted = <R extends StoredResponse>(encryption: Encryption, response: R): R => ({
  ...response,
  body: encryption.encrypt(response.body, KEPT_ANSWER),
});

function decrypted<R extends StoredResponse>(encryption: Encryption, outcome: Outcome<R> | Refusal) {
  if (!('response' in outcome)) return outcome;
  const { response } = outcome;
  return { ...outcome, response: { ...response, body: encryption.decrypt(response.body, KEPT_ANSWER) } };
}

/** Makes the answer that is kept for a key, from an endpoint and its new secret. */
type AnswerWithSecret<R> = (row: EndpointRow, secret: string) => R;

/** Adds an endpoint. It gets what happens from now on. */
export async function addEndpoint<R extends StoredResponse>(
  deps: ManageDeps & { readonly encryption: Encryption },
  { manager, key }: Omit<Asked, 'id'>,
  settings: Omit<NewEndpoint, 'id' | 'secret' | 'createdBy'>,
  answer: AnswerWithSecret<R>,
): Promise<Outcome<R> | Refusal> {
  const { db, newId, encryption } = deps;
  const outcome = await orRefusal(async () => {
    checkMayChange(manager, settings);
    return await runOnce(db, key, async (tx) => {
      if ((await countEndpoints(tx)) >= MOST_ENDPOINTS) throw new RefusedError({ refused: 'too_many_endpoints' });
      const [id, secret] = [newId(), newSecret()];
      const created = { ...settings, id, secret: encryption.encrypt(secret, id), createdBy: manager.id };
      return encrypted(encryption, answer(await insertEndpoint(tx, created), secret));
    });
  });
  return decrypted(encryption, outcome);
}

/** Changes what is given about an endpoint; what is absent stays as it is. */
export function updateEndpoint(
  { db }: ManageDeps,
  { manager, id }: Omit<Asked, 'key'>,
  change: EndpointChange,
): Promise<EndpointRow | Refusal> {
  const work = async (tx: Tx) => {
    const before = present(await lockForChange(tx, manager, id));
    checkMayChange(manager, { includeComments: change.includeComments ?? false });
    return await changeEndpoint(tx, before, change);
  };
  return orRefusal(() => withRetry(() => withTx(db, work), { idempotent: true }));
}

/** Removes an endpoint; its deliveries are deleted later, in steps. */
export function removeEndpoint(
  { db }: ManageDeps,
  { manager, id }: Omit<Asked, 'key'>,
): Promise<EndpointRow | Refusal> {
  const work = async (tx: Tx) => {
    await lockForChange(tx, manager, id);
    return present(await deleteEndpoint(tx, id));
  };
  // Repeated after a commit that did happen, it would say that there is no such endpoint.
  return orRefusal(() => withRetry(() => withTx(db, work), { idempotent: false }));
}

/** Gives an endpoint a new secret; the one that it had signs for another `keepMs`, beside the new one. */
export async function rotateSecret<R extends StoredResponse>(
  deps: ManageDeps & { readonly encryption: Encryption },
  asked: Asked,
  keepMs: number,
  answer: AnswerWithSecret<R>,
): Promise<Outcome<R> | Refusal> {
  const { encryption } = deps;
  const outcome = await changeOnce(deps, asked, async (tx) => {
    const secret = newSecret();
    const row = present(await replaceSecret(tx, asked.id, encryption.encrypt(secret, asked.id), keepMs));
    return encrypted(encryption, answer(row, secret));
  });
  return decrypted(encryption, outcome);
}

/** Queues a test message to an endpoint, whether or not it is active. */
export function sendTest<R extends StoredResponse>(
  deps: ManageDeps,
  asked: Asked,
  answer: (delivery: DeliveryRow) => R,
): Promise<Outcome<R> | Refusal> {
  const { newId } = deps;
  return changeOnce(deps, asked, async (tx, endpoint) => {
    const payload = { type: TEST, timestamp: new Date().toISOString(), data: { endpointId: endpoint.id } };
    const message = { deliveryId: newId(), messageId: newId(), type: TEST, payload };
    return answer(await queueMessage(tx, endpoint, message));
  });
}

/** Moves an endpoint back to a position, so that the events behind it are delivered again. */
export function replayEvents<R extends StoredResponse>(
  deps: ManageDeps,
  asked: Asked,
  after: number,
  answer: (row: EndpointRow) => R,
): Promise<Outcome<R> | Refusal> {
  return changeOnce(deps, asked, async (tx) => {
    const end = await endOfLog(tx);
    if (after > end) throw new RefusedError({ refused: 'position_ahead', end });
    return answer(present(await movePosition(tx, asked.id, after)));
  });
}

/** How many attempts at a delivery are shown. */
export const ATTEMPTS_SHOWN = 20;

/** Queues a delivery once more, with a new series of attempts. */
export function redeliver<R extends StoredResponse>(
  deps: ManageDeps,
  { manager, key, id }: Asked,
  answer: (delivery: DeliveryRow, attempts: readonly AttemptRow[]) => R,
): Promise<Outcome<R> | Refusal> {
  const lock = async (tx: Tx) => {
    const delivery = await findDelivery(tx, id);
    return delivery === undefined ? undefined : await lockForChange(tx, manager, delivery.endpointId);
  };
  return runLocked(deps, key, lock, 'no_delivery', async (tx, endpoint) => {
    const row = await queueAgain(tx, endpoint, id);
    if (row === undefined) throw new RefusedError({ refused: 'no_delivery' });
    return answer(row, await attemptsOf(tx, [row.id], ATTEMPTS_SHOWN));
  });
}
