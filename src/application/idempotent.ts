import { type Database, type Tx, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { readClock } from '../store/clock.ts';
import {
  forgetOldKeys,
  type IdempotencyKey,
  keepResponses,
  type Reservation,
  reserveKeys,
  type StoredResponse,
} from '../store/idempotency.ts';

export type { IdempotencyKey, StoredResponse } from '../store/idempotency.ts';

/** What comes of a request that may carry a key. */
export type Outcome<R extends StoredResponse = StoredResponse> =
  | { readonly outcome: 'not_found' | 'key_in_use' | 'key_reused' }
  | { readonly outcome: 'answered' | 'replayed'; readonly response: R };

/** What the reservation of a key decides; null if nothing does, and the request is to be carried out. */
export function outcomeOfKey(key: IdempotencyKey | null, reservation: Reservation | undefined): Outcome | null {
  if (key === null || reservation === undefined || reservation.state === 'new') return null;
  if (reservation.state === 'in_use') return { outcome: 'key_in_use' };
  const isSame = reservation.fingerprint === key.fingerprint;
  return isSame ? { outcome: 'replayed', response: reservation.response } : { outcome: 'key_reused' };
}

/** Reserves a key for this transaction, and says what an earlier request with it decides; null if nothing does. */
async function earlierOutcome(tx: Tx, key: IdempotencyKey | null): Promise<Outcome | null> {
  const [reservation] = await reserveKeys(tx, [key]);
  return outcomeOfKey(key, reservation);
}

/**
 * Runs what is no decision about an order in one transaction, at most once for a key.
 * @param guard runs first, and so before an earlier answer is given again: it refuses a caller who may not see that answer
 * @throws what `guard`, `work` or the database raises; then nothing was done and the key is free
 */
export async function runOnce<R extends StoredResponse>(
  db: Database,
  key: IdempotencyKey | null,
  work: (tx: Tx) => Promise<R>,
  guard?: (tx: Tx) => Promise<unknown>,
): Promise<Outcome<R>> {
  const attempt = async (tx: Tx): Promise<Outcome<R>> => {
    await guard?.(tx);
    const earlier = await earlierOutcome(tx, key);
    if (earlier !== null) return earlier as Outcome<R>; // the same request was answered by the same work
    const response = await work(tx);
    if (key !== null) await keepResponses(tx, [{ key, response, now: await readClock(tx) }]);
    return { outcome: 'answered', response };
  };
  return await withRetry(() => withTx(db, attempt), { idempotent: key !== null });
}

const ACCEPTED = 202;

/** The answer that is kept for a request whose work was begun and had not ended then; null if there is none. */
const begunAnswer = (earlier: Outcome | null): StoredResponse | null =>
  earlier?.outcome === 'replayed' && earlier.response.status === ACCEPTED ? earlier.response : null;

/**
 * Runs what takes more than one transaction and may safely be done twice, unless its key says that it was done before or
 * belongs to another request. An answer 202 says that the work goes on: the same request again is not given that answer, but
 * asks `work` for the present one.
 * @param work gets the 202 that is kept for the key, or null
 * @throws what `work` or the database raises; then the key is free, and what was done stays done
 */
export async function runRepeatable<R extends StoredResponse>(
  db: Database,
  key: IdempotencyKey | null,
  work: (begun: StoredResponse | null) => Promise<R>,
): Promise<Outcome<R>> {
  const earlier = await withRetry(() => withTx(db, (tx) => earlierOutcome(tx, key)), { idempotent: true });
  const begun = begunAnswer(earlier);
  if (earlier !== null && begun === null) return earlier as Outcome<R>; // the same request was answered by the same work
  const response = await work(begun);
  const keep = async (tx: Tx): Promise<Outcome<R>> => {
    const other = await earlierOutcome(tx, key);
    if (other !== null && begunAnswer(other) === null) return other as Outcome<R>; // as above
    if (key !== null) await keepResponses(tx, [{ key, response, now: await readClock(tx) }]);
    return { outcome: 'answered', response };
  };
  return await withRetry(() => withTx(db, keep), { idempotent: true });
}

const FORGOTTEN_AT_ONCE = 1_000;

/** Forgets a batch of keys that are past their 24 hours, with their answers. */
export async function forgetExpiredKeys(db: Database): Promise<'more' | 'done'> {
  const forgotten = await withTx(db, (tx) => forgetOldKeys(tx, FORGOTTEN_AT_ONCE));
  return forgotten === FORGOTTEN_AT_ONCE ? 'more' : 'done';
}
