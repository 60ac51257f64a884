import { ENTRY_TYPES } from '../domain/commands.ts';
import type { Instant } from '../domain/state.ts';

/** The type of the message that an endpoint gets to try it out. */
export const TEST = 'webhook_endpoint.test' as const;
/** The type of the message that tells the other endpoints that one of them was disabled. */
export const ENDPOINT_DISABLED = 'webhook_endpoint.disabled' as const;

/** The types of message that an endpoint may ask for. */
export const SUBSCRIBED_TYPES = [...ENTRY_TYPES, ENDPOINT_DISABLED] as const;
export type SubscribedType = (typeof SUBSCRIBED_TYPES)[number];

/** The types of message that an endpoint may get. */
export const MESSAGE_TYPES = [...SUBSCRIBED_TYPES, TEST] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * How long after a failed attempt the next one is made: ten attempts in all, the last one 75 hours and 35 minutes after
 * the first. Source: the example schedule of the Standard Webhooks specification 1.0.0.
 */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
export const ATTEMPTS = RETRY_DELAYS_MS.length + 1;

/** Attempts that failed together are not repeated together: a delay grows by up to this part, by chance. */
const JITTER = 0.1;
/** The longest wait that a receiver can ask for. */
export const LONGEST_WAIT_MS = DAY_MS;
/** An attempt that is not recorded for so long is lost; its delivery is sent again. */
export const LEASE_MS = MINUTE_MS;
/** An endpoint with so many failures in a row, and no success for so long, is out of order. */
export const OUTAGE_FAILURES = 5;
export const OUTAGE_MS = 5 * MINUTE_MS;
/** An endpoint with that many failures and no success for so long is disabled. */
export const DISABLE_AFTER_MS = 5 * DAY_MS;

const GONE = 410;

/** What the service knows of an endpoint, as far as it decides what is sent. */
export interface EndpointState {
  readonly url: string;
  /** Null for all types. */
  readonly types: readonly string[] | null;
  readonly active: boolean;
  /** Since when it has been active; null while it is not. */
  readonly activeSince: Instant | null;
  readonly disabledReason: 'gone' | 'failing' | null;
  readonly disabledAt: Instant | null;
  /** The first failure since the last success, and the number of failures since then. */
  readonly failingSince: Instant | null;
  readonly failures: number;
  /** Deliveries that were tried before this moment, and failed, are tried again soon. */
  readonly releasedAt: Instant | null;
  readonly urlChangedAt: Instant | null;
  readonly typesChangedAt: Instant | null;
}

/** A message on its way to one endpoint. */
export interface DeliveryState {
  readonly type: string;
  /** `waiting` for an earlier event of its order, `pending` an attempt, or over. */
  readonly status: 'waiting' | 'pending' | 'delivered' | 'failed' | 'skipped';
  /** Of the current series, without early ones. */
  readonly attempts: number;
  /** Whether its last attempt failed at the endpoint as it is now. Retries have slots of their own. */
  readonly isRetry: boolean;
  /** Since when it has been owed: when it was made, or last asked for again. */
  readonly queuedAt: Instant;
  /** When the next attempt of the series is; null before the first, and once it is over. */
  readonly scheduledAt: Instant | null;
  /** Until when the receiver asked us to wait. */
  readonly askedUntil: Instant | null;
  /** When it is sent, or, while it is being sent, when the claim on it runs out; null unless it is pending. */
  readonly nextAttemptAt: Instant | null;
  /** When the last attempt began. */
  readonly lastAttemptAt: Instant | null;
  /** Marks the attempt that is under way; null if none is. */
  readonly claim: string | null;
  readonly finishedAt: Instant | null;
}

/** What came of an attempt. */
export interface Answered {
  readonly kind: 'answered';
  /** Null if no answer came. */
  readonly statusCode: number | null;
  /** How long the receiver asked us to wait, in milliseconds; null if it did not. */
  readonly waitMs: number | null;
  /** From 0 to 1, for the jitter. */
  readonly chance: number;
}

/** What an owner changes about an endpoint; what is absent stays as it is. */
export interface Changed {
  readonly kind: 'changed';
  readonly url?: string | undefined;
  readonly types?: readonly string[] | null | undefined;
  readonly active?: boolean | undefined;
}

/** What can happen to a delivery. */
export type DeliveryEvent =
  /** It was made, redelivered or replayed: a new series of attempts begins. */
  | { readonly kind: 'queued' }
  /** Every earlier event of its order is over. */
  | { readonly kind: 'turn' }
  /** An earlier event of its order was queued again. */
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'claimed'; readonly claim: string }
  | Answered
  /** Its endpoint was changed, or has recovered. */
  | { readonly kind: 'revised' };

/** Whether an answer says that the message has been taken: 2xx, and nothing else. */
export const isSuccess = ({ statusCode }: Pick<Answered, 'statusCode'>): boolean =>
  statusCode !== null && statusCode >= 200 && statusCode < 300;

export const isOver = ({ status }: Pick<DeliveryState, 'status'>): boolean =>
  status !== 'waiting' && status !== 'pending';

/** Whether so much fails in a row that few attempts at a time are enough to see whether the endpoint is back. */
export const isProbed = ({ failures }: Pick<EndpointState, 'failures'>): boolean => failures >= OUTAGE_FAILURES;

const hasFailedFor = ({ failures, failingSince }: EndpointState, ms: number, now: Instant): boolean =>
  failures >= OUTAGE_FAILURES && failingSince !== null && now - failingSince >= ms;

const before = (instant: Instant | null, other: Instant | null): boolean =>
  instant !== null && other !== null && instant < other;

/**
 * An endpoint after an attempt at it has ended, or after a change by its owner.
 * @param startedAt when the attempt began: one from before the last release says nothing of the endpoint since
 */
export function nextEndpoint<E extends EndpointState>(
  endpoint: E,
  event: Changed | (Answered & { readonly startedAt: Instant }),
  now: Instant,
): E {
  if (event.kind === 'changed') return changed(endpoint, event, now);
  if (!endpoint.active || before(event.startedAt, endpoint.releasedAt)) return endpoint;
  if (isSuccess(event)) {
    const releasedAt = hasFailedFor(endpoint, OUTAGE_MS, now) ? now : endpoint.releasedAt;
    return { ...endpoint, failures: 0, failingSince: null, releasedAt };
  }
  const failing = { ...endpoint, failures: endpoint.failures + 1, failingSince: endpoint.failingSince ?? now };
  const reason = event.statusCode === GONE ? 'gone' : hasFailedFor(failing, DISABLE_AFTER_MS, now) ? 'failing' : null;
  if (reason === null) return failing;
  return { ...failing, active: false, activeSince: null, disabledReason: reason, disabledAt: now };
}

function changed<E extends EndpointState>(endpoint: E, { url, types, active }: Changed, now: Instant): E {
  const isElsewhere = url !== undefined && url !== endpoint.url;
  const isActive = active ?? endpoint.active;
  return {
    ...endpoint,
    ...(isElsewhere && { url, urlChangedAt: now }),
    ...(types !== undefined && { types, typesChangedAt: now }),
    active: isActive,
    activeSince: isActive ? (endpoint.activeSince ?? now) : null,
    ...(active === true && { disabledReason: null, disabledAt: null }),
    ...((isElsewhere || active === true) && { failures: 0, failingSince: null, releasedAt: now }),
  };
}

/** What deliveries depend on. Two changes within a millisecond differ in more than their times. */
const decisive = ({ releasedAt, url, typesChangedAt, types }: EndpointState): string =>
  JSON.stringify([releasedAt, url, typesChangedAt, types]);

/** Whether deliveries have to be revised since their endpoint is not any more what it was. */
export const needsRevision = (earlier: EndpointState, later: EndpointState): boolean =>
  decisive(earlier) !== decisive(later);

/**
 * A delivery after something has happened to it.
 * @param endpoint its endpoint, as it is after the same event
 */
export function nextDelivery<D extends DeliveryState>(
  delivery: D,
  endpoint: EndpointState,
  event: DeliveryEvent,
  now: Instant,
): D {
  switch (event.kind) {
    case 'queued':
      return queued(delivery, now);
    case 'turn':
      return pendingAgain({ ...delivery, status: 'pending' }, endpoint, now);
    case 'overtaken':
      return { ...delivery, status: 'waiting', nextAttemptAt: null };
    case 'claimed':
      return {
        ...pendingAgain(delivery, endpoint, now),
        // It keeps the slot that it was claimed for.
        isRetry: delivery.isRetry,
        ...{ claim: event.claim, lastAttemptAt: now, nextAttemptAt: now + LEASE_MS },
      };
    case 'answered':
      return isSuccess(event) ? over(delivery, 'delivered', now) : failed(delivery, endpoint, event, now);
    case 'revised':
      return isOver(delivery) || delivery.claim !== null ? delivery : revised(delivery, endpoint, now);
    default:
      return event satisfies never;
  }
}

/** One that is on its way stays there, and only begins to count anew; any other one waits for its turn. */
function queued<D extends DeliveryState>(delivery: D, now: Instant): D {
  const isRetry = delivery.isRetry && delivery.claim !== null;
  const fresh = { ...delivery, attempts: 0, isRetry, askedUntil: null };
  if (isOver(delivery)) return { ...fresh, status: 'waiting', scheduledAt: null, finishedAt: null, queuedAt: now };
  const isAtRest = delivery.status === 'pending' && delivery.claim === null;
  return { ...fresh, scheduledAt: delivery.status === 'pending' ? now : null, ...(isAtRest && { nextAttemptAt: now }) };
}

function over<D extends DeliveryState>(delivery: D, status: 'delivered' | 'failed' | 'skipped', now: Instant): D {
  const isEarly = before(delivery.lastAttemptAt, delivery.scheduledAt);
  const attempts = delivery.claim === null || isEarly ? delivery.attempts : delivery.attempts + 1;
  const ended = { isRetry: false, claim: null, scheduledAt: null, nextAttemptAt: null, finishedAt: now };
  return { ...delivery, status, attempts, ...ended };
}

function failed<D extends DeliveryState>(
  delivery: D,
  endpoint: EndpointState,
  { waitMs, chance }: Answered,
  now: Instant,
): D {
  if (isUnwanted(delivery, endpoint)) return over(delivery, 'skipped', now);
  const wait = waitMs === null ? null : Math.min(LONGEST_WAIT_MS, Math.max(0, waitMs));
  const askedUntil = wait === null ? null : now + wait;
  const { scheduledAt, lastAttemptAt } = delivery;
  if (scheduledAt !== null && before(lastAttemptAt, scheduledAt)) {
    const early = { ...delivery, isRetry: true, claim: null, askedUntil };
    return pendingAgain({ ...early, scheduledAt: Math.max(scheduledAt, askedUntil ?? 0) }, endpoint, now);
  }
  const attempts = delivery.attempts + 1;
  const delay = RETRY_DELAYS_MS[attempts - 1];
  // An attempt at an address that has been corrected meanwhile is not the last one.
  if (delay === undefined && !before(lastAttemptAt, endpoint.urlChangedAt)) return over(delivery, 'failed', now);
  const nextAt = now + Math.round(Math.max(delay ?? 0, wait ?? 0) * (1 + JITTER * chance));
  const next = { ...delivery, isRetry: true, claim: null, attempts, askedUntil, scheduledAt: nextAt };
  return pendingAgain(next, endpoint, now);
}

/** Whether its endpoint has been told, after it was queued, to get its type no more. */
function isUnwanted({ type, queuedAt }: DeliveryState, { types, typesChangedAt }: EndpointState): boolean {
  return type !== TEST && types !== null && !types.includes(type) && before(queuedAt, typesChangedAt);
}

function revised<D extends DeliveryState>(delivery: D, endpoint: EndpointState, now: Instant): D {
  if (isUnwanted(delivery, endpoint)) return over(delivery, 'skipped', now);
  return delivery.status === 'pending' ? pendingAgain(delivery, endpoint, now) : delivery;
}

/**
 * When a pending delivery is sent next. That is when its series says, but for two cases. Attempts at an earlier URL do not
 * count: a new series begins with the new one. And what failed before its endpoint was released is tried early, though
 * never before the receiver wants it to be. In both cases its failures say nothing of the endpoint as it is now, so it is no
 * retry.
 */
function pendingAgain<D extends DeliveryState>(delivery: D, endpoint: EndpointState, now: Instant): D {
  const { lastAttemptAt, askedUntil, scheduledAt } = delivery;
  const { urlChangedAt, releasedAt } = endpoint;
  if (before(lastAttemptAt, urlChangedAt)) {
    const anew = { attempts: 0, isRetry: false, askedUntil: null };
    return { ...delivery, ...anew, scheduledAt: urlChangedAt, nextAttemptAt: urlChangedAt };
  }
  const due = scheduledAt ?? now;
  const isReleased = before(lastAttemptAt, releasedAt);
  const early = isReleased ? Math.max(releasedAt ?? 0, askedUntil ?? 0) : due;
  const isRetry = delivery.isRetry && !isReleased;
  return { ...delivery, isRetry, scheduledAt: due, nextAttemptAt: Math.min(due, early) };
}

/** A delivery's place among those of its order. */
interface Placed {
  readonly seq: number | null;
  readonly claim: string | null;
}

/**
 * Which delivery of an order may be sent: the earliest event that is not over, one at a time. What is being sent already
 * is waited for, even if an earlier event was queued again meanwhile.
 * @param pending the one that may be sent now, if there is one
 * @param waiting the earliest one that waits, if there is one
 */
export function firstInLine<D extends Placed>(pending: D | undefined, waiting: D | undefined): D | undefined {
  if (pending === undefined || waiting === undefined) return pending ?? waiting;
  return pending.claim === null && (waiting.seq ?? 0) < (pending.seq ?? 0) ? waiting : pending;
}

/**
 * Lets go the delivery of an order that is first in line.
 * @param heads the deliveries of one order that are pending or may come to be: of those that wait, at least the earliest
 * @returns the deliveries that have changed
 */
export function lineUp<D extends DeliveryState & Placed>(
  heads: readonly D[],
  endpoint: EndpointState,
  now: Instant,
): D[] {
  const pending = heads.find(({ status }) => status === 'pending');
  const [waiting] = heads.filter(({ status }) => status === 'waiting').sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  const first = firstInLine(pending, waiting);
  if (first === undefined || first === pending) return [];
  const turn = nextDelivery(first, endpoint, { kind: 'turn' }, now);
  return pending === undefined ? [turn] : [turn, nextDelivery(pending, endpoint, { kind: 'overtaken' }, now)];
}
