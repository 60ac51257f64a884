import type { Logger } from 'pino';
import { sequenceLog } from '../application/feed/feed.ts';
import type { Instant } from '../domain/state.ts';
import type { Answer } from '../platform/network/outgoing.ts';
import { retryAfterMs } from '../platform/network/retry-after.ts';
import { type Database, isTransient, type Tx, withTx } from '../platform/postgres/database.ts';
import { isolate } from '../platform/postgres/isolate.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import { readClock } from '../store/clock.ts';
import type { FeedRow } from '../store/feed.ts';
import { saveRevised } from './changes.ts';
import { advanceLines, broadcast, queueEvents } from './queue.ts';
import { freeSlots } from './slots.ts';
import { ENDPOINT_DISABLED, nextDelivery, nextEndpoint } from './states.ts';
import { insertAttempts, type MadeAttempt } from './store/attempts.ts';
import { type DeliveryRow, entriesOf } from './store/deliveries.ts';
import { type EndpointRow, findEndpoint, lockEndpoint, previousSecretAt } from './store/endpoints.ts';
import { anyActive, anyBehind, endOfLog, type FanOut, type Heard, nextFanOut, passOver } from './store/fan-out.ts';
import { attemptsUnderWay, lockClaims, lockDeliveries, lockDue, saveDeliveries } from './store/states.ts';

const FAN_OUT_BATCH = 500;
const FAN_OUT_ROUNDS = 50;
const HEAR_OF_IT = 100;

interface Deps {
  readonly db: Database;
  readonly newId: () => string;
}

interface FanOutDeps extends Deps {
  readonly log: Pick<Logger, 'error'>;
}

/** Endpoints to which one call gives no more, since their rows cannot be written. */
type Broken = Set<string>;

/** Gives some events to an endpoint, if it is not past them. */
async function giveEvents({ db, newId }: Deps, endpointId: string, events: readonly Heard[]): Promise<void> {
  const until = events.at(-1)?.seq ?? 0;
  await withTx(db, async (tx) => {
    const endpoint = await lockEndpoint(tx, endpointId);
    if (endpoint?.active !== true || endpoint.position >= until) return;
    const ahead = events.filter(({ seq }) => seq > endpoint.position);
    await queueEvents(tx, { endpoint, events: ahead, position: until }, newId);
  });
}

/**
 * Finds the event of which no delivery can be made, and passes over it: the log has it, and a replay gives it again. An
 * endpoint that can be given nothing, or whose position cannot be moved, is left for the next call.
 */
async function giveOneByOne(deps: FanOutDeps, { endpoint, events }: FanOut, broken: Broken): Promise<void> {
  const { log } = deps;
  const endpointId = endpoint.id;
  try {
    await isolate([events], {
      isInOrder: true,
      work: (some) => giveEvents(deps, endpointId, some),
      setAside: async ({ eventId, seq }, error) => {
        await withTx(deps.db, (tx) => passOver(tx, endpointId, seq));
        log.error({ err: error, endpointId, eventId, seq }, 'a webhook could not be queued and was passed over');
      },
    });
  } catch (error) {
    if (isTransient(error)) throw error;
    broken.add(endpointId);
    log.error({ err: error, endpointId }, 'a webhook endpoint cannot be given events');
  }
}

/** Gives the endpoint that is furthest behind its next events; null if there is none. */
async function fanOutOnce(deps: FanOutDeps, head: number, broken: Broken): Promise<FanOut | null> {
  let found: FanOut | null = null;
  const work = async (tx: Tx) => {
    found = await nextFanOut(tx, { head, limit: FAN_OUT_BATCH, except: [...broken] });
    if (found !== null) await queueEvents(tx, found, deps.newId);
    return found;
  };
  try {
    return await withTx(deps.db, work);
  } catch (error) {
    if (isTransient(error) || found === null) throw error;
    await giveOneByOne(deps, found, broken);
    return found;
  }
}

/**
 * Gives every active endpoint the deliveries of what has happened since its position; says whether any were made. One event
 * or endpoint that fails stops no other.
 */
export async function fanOut(deps: FanOutDeps): Promise<boolean> {
  const { db } = deps;
  // This is asked several times a second, mostly for nothing.
  if (!(await anyActive(db))) return false;
  await sequenceLog(db);
  const head = await endOfLog(db.query);
  if (!(await anyBehind(db, head))) return false;
  const broken: Broken = new Set();
  let made = false;
  for (let round = 0; round < FAN_OUT_ROUNDS; round += 1) {
    const found = await fanOutOnce(deps, head, broken);
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
  readonly secrets: readonly [current: string, ...previous: string[]];
  readonly claim: string;
}

/** Locks what is due for an endpoint, as far as there are slots: first attempts before retries. */
async function lockForSlots(tx: Tx, endpoint: EndpointRow, atMost: number): Promise<DeliveryRow[]> {
  const free = freeSlots(endpoint, await attemptsUnderWay(tx, endpoint.id));
  const firsts = await lockDue(tx, endpoint, { isRetry: false, limit: Math.min(free.firsts, atMost) });
  const left = Math.min(free.retries, atMost - firsts.length);
  return [...firsts, ...(await lockDue(tx, endpoint, { isRetry: true, limit: left }))];
}

async function claimIn(tx: Tx, endpointId: string, claim: string, atMost: number): Promise<Claimed[]> {
  await lockClaims(tx, endpointId);
  const before = await findEndpoint(tx, endpointId);
  if (before === undefined) return [];
  const due = await lockForSlots(tx, before, atMost);
  if (due.length === 0) return [];
  const now = await readClock(tx);
  const deliveries = due.map((row) => nextDelivery(row, before, { kind: 'claimed', claim }, now));
  await saveDeliveries(tx, deliveries);
  // Read after the claim: an attempt that begins after a change of the URL goes to the new one.
  const endpoint = await findEndpoint(tx, endpointId);
  if (endpoint === undefined) return [];
  const events = deliveries.filter(({ orderId }) => orderId !== null);
  const entries = await entriesOf(
    tx,
    events.map(({ messageId }) => messageId),
    events.flatMap(({ orderId }) => orderId ?? []),
  );
  const previous = previousSecretAt(endpoint, now);
  return deliveries.map((delivery) => ({
    delivery,
    endpoint,
    entry: entries.find(({ id }) => id === delivery.messageId) ?? null,
    secrets: previous === null ? [endpoint.secret] : [endpoint.secret, previous],
    claim,
  }));
}

/**
 * Claims what is due for one endpoint, as far as its slots go. A delivery whose attempt is not recorded within a minute is
 * claimed again.
 * @param atMost how many are claimed at most, however many slots are free
 */
export async function claimDue(
  { db, newId }: Deps,
  endpointId: string,
  atMost = Number.POSITIVE_INFINITY,
): Promise<Claimed[]> {
  return await withTx(db, (tx) => claimIn(tx, endpointId, newId(), atMost));
}

/** An attempt that was made. */
export interface Attempt {
  readonly claimed: Claimed;
  readonly answer: Answer;
}

function madeAttempt({ claimed: { delivery, endpoint, claim }, answer }: Attempt, id: string): MadeAttempt {
  const { durationMs, statusCode, error, text } = answer;
  // The claim has set when it began, by the database's clock.
  const startedAt = delivery.lastAttemptAt ?? 0;
  return {
    ...{ id, deliveryId: delivery.id, claim, startedAt, durationMs, statusCode, error, response: text },
    withComments: endpoint.includeComments,
    counted: startedAt >= (delivery.scheduledAt ?? 0),
  };
}

async function tellOthers(tx: Tx, { newId }: Deps, { id, disabledReason: reason }: EndpointRow, now: Instant) {
  const timestamp = new Date(now).toISOString();
  const payload = { type: ENDPOINT_DISABLED, timestamp, data: { endpointId: id, reason, disabledAt: timestamp } };
  const message = { messageId: newId(), type: ENDPOINT_DISABLED, payload };
  await broadcast(tx, message, id, { limit: HEAR_OF_IT, idOf: newId });
}

/** What attempts make of an endpoint and its deliveries, one after the other. */
function afterAttempts(
  before: EndpointRow,
  rows: readonly DeliveryRow[],
  attempts: readonly Attempt[],
  { now, random }: { readonly now: Instant; readonly random: () => number },
) {
  const byId = new Map(rows.map((row) => [row.id, row]));
  let endpoint = before;
  const changed = new Map<string, DeliveryRow>();
  for (const { claimed, answer } of attempts) {
    const chance = random();
    const row = byId.get(claimed.delivery.id);
    // The claim has run out, and passed to another sender: its attempt is the one that counts.
    if (row === undefined || row.claim !== claimed.claim) continue;
    const waitMs = retryAfterMs(answer.retryAfter, now);
    const answered = { kind: 'answered', statusCode: answer.statusCode, waitMs, chance } as const;
    endpoint = nextEndpoint(endpoint, { ...answered, startedAt: row.lastAttemptAt ?? now }, now);
    changed.set(row.id, nextDelivery(row, endpoint, answered, now));
  }
  return { endpoint, changed: [...changed.values()] };
}

/**
 * Writes down what came of attempts at one endpoint: delivered, to be tried again, or over. An endpoint that answers 410,
 * or has failed for five days, is disabled, and the others hear of it.
 * @param random gives the chance that spreads attempts, from 0 to 1
 * @returns why it was disabled just now, or null
 */
export async function recordOutcome(
  deps: Deps,
  endpointId: string,
  attempts: readonly Attempt[],
  random: () => number = Math.random,
): Promise<'gone' | 'failing' | null> {
  const made = attempts.map((attempt) => madeAttempt(attempt, deps.newId()));
  const work = async (tx: Tx) => {
    const before = await lockEndpoint(tx, endpointId);
    if (before === undefined) return null;
    const now = await readClock(tx);
    const ids = attempts.map(({ claimed }) => claimed.delivery.id);
    const { endpoint, changed } = afterAttempts(before, await lockDeliveries(tx, ids), attempts, { now, random });
    await insertAttempts(tx, made);
    await saveDeliveries(tx, changed);
    await advanceLines(tx, endpoint, changed, now);
    if (endpoint !== before) await saveRevised(tx, before, endpoint);
    const isDisabled = before.active && !endpoint.active;
    if (isDisabled) await tellOthers(tx, deps, endpoint, now);
    return isDisabled ? endpoint.disabledReason : null;
  };
  return await withRetry(() => withTx(deps.db, work), { idempotent: true });
}
