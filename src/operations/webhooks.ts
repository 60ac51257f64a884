import { type Database, type Tx, withTx } from '../platform/database.ts';
import type { Answer } from '../platform/outgoing.ts';
import { withRetry } from '../platform/retry.ts';
import { readClock } from '../store/clock.ts';
import type { FeedRow } from '../store/feed.ts';
import {
  broadcast,
  claimDeliveries,
  type DeliveryRow,
  entriesOf,
  recordAttempts,
} from '../store/webhook-deliveries.ts';
import { type EndpointRow, findEndpoint, lockEndpoint, noteHealth } from '../store/webhook-endpoints.ts';
import { addDeliveries, anyActive, anyBehind, endOfLog, nextFanOut } from '../store/webhook-fan-out.ts';
import { sequenceLog } from './feed.ts';
import { nextAttemptInMs, retryAfterMs } from './webhook-schedule.ts';

/** The type of the message that tells the other endpoints that one of them was disabled. */
export const ENDPOINT_DISABLED = 'webhook_endpoint.disabled';
/** The type of the message that an endpoint gets to try it out. */
export const TEST = 'webhook_endpoint.test';

const FAN_OUT_BATCH = 500;
const FAN_OUT_ROUNDS = 50;
const LEASE_MS = 60_000;
const DISABLE_AFTER_MS = 5 * 24 * 60 * 60 * 1_000;
const HEAR_OF_IT = 100;

interface Deps {
  readonly db: Database;
  readonly newId: () => string;
}

/** Gives every active endpoint the deliveries of what has happened since its position; says whether any were made. */
export async function fanOut({ db, newId }: Deps): Promise<boolean> {
  // This is asked several times a second, mostly for nothing.
  if (!(await anyActive(db))) return false;
  await sequenceLog(db);
  const head = await endOfLog(db);
  if (!(await anyBehind(db, head))) return false;
  let made = false;
  for (let round = 0; round < FAN_OUT_ROUNDS; round += 1) {
    const found = await withTx(db, async (tx) => {
      const next = await nextFanOut(tx, head, FAN_OUT_BATCH);
      if (next !== null) await addDeliveries(tx, next, newId);
      return next;
    });
    if (found === null) break;
    made ||= found.events.length > 0;
  }
  return made;
}

/** A delivery in our hands, with all that it takes to send it. */
export interface Claimed {
  readonly delivery: DeliveryRow;
  readonly endpoint: EndpointRow;
  /** Of an event; null for any other message, which brings its own payload. */
  readonly entry: FeedRow | null;
  /** Encrypted: the endpoint's secret, and the one before it while it still counts. */
  readonly secrets: readonly string[];
  readonly claim: string;
}

async function claimIn(tx: Tx, endpointId: string, claim: string, limit: number, probes: number): Promise<Claimed[]> {
  const deliveries = await claimDeliveries(tx, { endpointId, claim, limit, probes, leaseMs: LEASE_MS });
  const endpoint = deliveries.length === 0 ? undefined : await findEndpoint(tx, endpointId);
  if (endpoint === undefined) return [];
  const events = deliveries.filter(({ orderId }) => orderId !== null);
  const entries = await entriesOf(
    tx,
    events.map(({ messageId }) => messageId),
    events.flatMap(({ orderId }) => orderId ?? []),
  );
  const now = await readClock(tx);
  const { secret, previousSecret, previousSecretUntil } = endpoint;
  const previous = previousSecret !== null && (previousSecretUntil ?? 0) > now ? [previousSecret] : [];
  return deliveries.map((delivery) => ({
    delivery,
    endpoint,
    entry: entries.find(({ id }) => id === delivery.messageId) ?? null,
    secrets: [secret, ...previous],
    claim,
  }));
}

/**
 * Claims what is due for one endpoint: at most `limit`, or as many as `probes` while it fails.
 * A claim that is not recorded within a minute is anybody's again.
 */
export async function claimDue(
  { db, newId }: Deps,
  endpointId: string,
  { limit, probes }: { readonly limit: number; readonly probes: number },
): Promise<Claimed[]> {
  return await withTx(db, (tx) => claimIn(tx, endpointId, newId(), limit, probes));
}

/** An attempt that was made. */
export interface Attempt {
  readonly claimed: Claimed;
  readonly answer: Answer;
}

/** Whether an answer says that the message has been taken: 2xx, and nothing else. */
export const isDelivered = ({ statusCode }: Answer): boolean =>
  statusCode !== null && statusCode >= 200 && statusCode < 300;

const GONE = 410;

function outcomeOf({ claimed: { delivery, endpoint, claim }, answer }: Attempt, newId: () => string) {
  const { durationMs, statusCode, error, text } = answer;
  const delivered = isDelivered(answer);
  const asked = retryAfterMs(answer.retryAfter, Date.now());
  return {
    attemptId: newId(),
    deliveryId: delivery.id,
    claim,
    durationMs,
    statusCode,
    error,
    response: text,
    withComments: endpoint.includeComments,
    delivered,
    retryInMs: delivered ? null : nextAttemptInMs(delivery.attempts + 1, asked, Math.random()),
  };
}

async function tellOthers(tx: Tx, { newId }: Deps, endpointId: string, reason: 'gone' | 'failing'): Promise<void> {
  const timestamp = new Date(await readClock(tx)).toISOString();
  const payload = { type: ENDPOINT_DISABLED, timestamp, data: { endpointId, reason, disabledAt: timestamp } };
  await broadcast(tx, { messageId: newId(), type: ENDPOINT_DISABLED, payload }, endpointId, {
    limit: HEAR_OF_IT,
    idOf: newId,
  });
}

/**
 * Writes down what came of attempts at one endpoint: delivered, to be tried again, or over. An endpoint that answers 410,
 * or has failed for five days, is disabled, and the others hear of it.
 * @returns why it was disabled just now, or null
 */
export async function recordOutcome(
  deps: Deps,
  endpointId: string,
  attempts: readonly Attempt[],
): Promise<'gone' | 'failing' | null> {
  const outcomes = attempts.map((attempt) => outcomeOf(attempt, deps.newId));
  const health = {
    succeeded: outcomes.some(({ delivered }) => delivered),
    failed: outcomes.some(({ delivered }) => !delivered),
    gone: outcomes.some(({ statusCode }) => statusCode === GONE),
  };
  const work = async (tx: Tx) => {
    if ((await lockEndpoint(tx, endpointId)) === undefined) return null;
    await recordAttempts(tx, endpointId, outcomes);
    const disabled = await noteHealth(tx, endpointId, health, DISABLE_AFTER_MS);
    if (disabled !== null) await tellOthers(tx, deps, endpointId, disabled);
    return disabled;
  };
  return await withRetry(() => withTx(deps.db, work), { idempotent: true });
}
