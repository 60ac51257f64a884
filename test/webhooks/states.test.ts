import { describe, expect, test } from 'vitest';
import {
  type Answered,
  ATTEMPTS,
  type DeliveryState,
  type EndpointState,
  isProbed,
  LONGEST_WAIT_MS,
  nextDelivery,
  nextEndpoint,
  OUTAGE_FAILURES,
  OUTAGE_MS,
  RETRY_DELAYS_MS,
} from '../../src/webhooks/states.ts';
import { BEGIN, NEW_ENDPOINT as ENDPOINT, newDelivery } from './builders.ts';

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];

const answer = (statusCode: number | null, over: Partial<Answered> = {}): Answered => ({
  kind: 'answered',
  statusCode,
  waitMs: null,
  chance: 0,
  ...over,
});

/** An attempt that begins and ends at one moment. */
function attempt(delivery: DeliveryState, endpoint: EndpointState, answered: Answered, now: number): DeliveryState {
  const claimed = nextDelivery(delivery, endpoint, { kind: 'claimed', claim: 'a claim' }, now);
  return nextDelivery(claimed, endpoint, answered, now);
}

const pending = nextDelivery(newDelivery('dispute.opened', BEGIN), ENDPOINT, { kind: 'turn' }, BEGIN);

/** Fails each attempt at its time, and returns these times, counted from the first. */
function timesOf(chance: number): number[] {
  const times: number[] = [];
  let delivery = pending;
  while (delivery.nextAttemptAt !== null) {
    times.push(delivery.nextAttemptAt - BEGIN);
    delivery = attempt(delivery, ENDPOINT, answer(500, { chance }), delivery.nextAttemptAt);
  }
  expect([delivery.status, delivery.attempts]).toEqual(['failed', ATTEMPTS]);
  return times;
}

describe('a delivery', () => {
  test('is given up after ten attempts, the last one 75 hours and 35 minutes after the first', () => {
    const times = timesOf(0);
    expect(times).toHaveLength(10);
    expect(times.slice(0, 4)).toEqual([0, 5 * SECOND, 5 * MINUTE + 5 * SECOND, 35 * MINUTE + 5 * SECOND]);
    expect(times.at(-1)).toBe(75 * HOUR + 35 * MINUTE + 5 * SECOND);
    expect(RETRY_DELAYS_MS).toHaveLength(9);
  });

  test('is tried up to a tenth later by chance, and so at most 84 hours after the first time', () => {
    const [early, late] = [timesOf(0).at(-1) ?? 0, timesOf(1).at(-1) ?? 0];
    expect(late).toBeCloseTo(early * 1.1, -1);
    expect(late).toBeLessThan(84 * HOUR);
  });

  test('waits for as long as its receiver asks, up to a day, and never for less than the schedule says', () => {
    const after = (waitMs: number) =>
      (attempt(pending, ENDPOINT, answer(429, { waitMs }), BEGIN).nextAttemptAt ?? 0) - BEGIN;
    expect([0, 40_500, 99 * DAY].map(after)).toEqual([5 * SECOND, 40_500, LONGEST_WAIT_MS]);
  });

  test.each([[200], [204], [299]])('is taken by %i', (statusCode) => {
    expect(attempt(pending, ENDPOINT, answer(statusCode), BEGIN)).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  test.each([[199], [301], [302], [400], [410], [429], [500], [null]])('is not taken by %p', (statusCode) => {
    expect(attempt(pending, ENDPOINT, answer(statusCode), BEGIN)).toMatchObject({ status: 'pending', attempts: 1 });
  });
});

/** An endpoint after failures at some moments. */
const failing = (times: readonly number[]) =>
  times.reduce((endpoint, now) => nextEndpoint(endpoint, { ...answer(500), startedAt: now }, now), ENDPOINT);
const every = (ms: number, count: number) => Array.from({ length: count }, (_, n) => BEGIN + n * ms);
const succeed = (endpoint: EndpointState, now: number) =>
  nextEndpoint(endpoint, { ...answer(204), startedAt: now }, now);

describe('an endpoint has recovered', () => {
  test.each([
    [
      'after five failures in a row and five minutes without a success',
      every(MINUTE, OUTAGE_FAILURES),
      OUTAGE_MS,
      true,
    ],
    ['not after any single failure', every(MINUTE, 1), DAY, false],
    ['not after four failures, however long they last', every(HOUR, OUTAGE_FAILURES - 1), DAY, false],
    ['not after a minute, however many failures there were', every(1, 1_000), MINUTE, false],
  ])('%s', (_name, times, afterMs, hasRecovered) => {
    const now = BEGIN + afterMs;
    const endpoint = succeed(failing(times), now);
    expect(endpoint).toMatchObject({ failures: 0, failingSince: null, releasedAt: hasRecovered ? now : null });
  });

  test('whether its answers are recorded together or one by one, and success and failure within one millisecond too', () => {
    const endpoint = succeed(failing(every(0, 50)), BEGIN);
    expect(endpoint.releasedAt).toBeNull();
  });
});

describe('an early attempt', () => {
  const first = attempt(pending, ENDPOINT, answer(500), BEGIN);
  const waited = attempt(first, ENDPOINT, answer(429, { waitMs: HOUR }), BEGIN + 5 * SECOND);
  const now = BEGIN + 10 * MINUTE;
  const released = { ...ENDPOINT, releasedAt: now };

  test('is made soon after the recovery, does not count, and leaves the schedule as it was', () => {
    const third = attempt(first, ENDPOINT, answer(500), BEGIN + 5 * SECOND);
    const fourth = attempt(third, ENDPOINT, answer(500), BEGIN + 5 * MINUTE + 5 * SECOND);
    const early = nextDelivery(fourth, released, { kind: 'revised' }, now);
    expect([early.nextAttemptAt, early.scheduledAt]).toEqual([now, fourth.scheduledAt]);
    const failed = attempt(early, released, answer(500), now);
    expect(failed).toMatchObject({ attempts: fourth.attempts, nextAttemptAt: fourth.scheduledAt });
  });

  test('is never made before the receiver wants it to be', () => {
    expect(nextDelivery(waited, released, { kind: 'revised' }, now).nextAttemptAt).toBe(BEGIN + 5 * SECOND + HOUR);
  });

  test('is made soon, too, at a URL that was changed: there a new series begins', () => {
    const elsewhere = nextEndpoint(ENDPOINT, { kind: 'changed', url: 'https://elsewhere.example/' }, now);
    const revised = nextDelivery(waited, elsewhere, { kind: 'revised' }, now);
    expect(revised).toMatchObject({ attempts: 0, nextAttemptAt: now, askedUntil: null });
  });
});

describe('an endpoint', () => {
  test('is disabled by 410, and by five days without a success', () => {
    const gone = nextEndpoint(ENDPOINT, { ...answer(410), startedAt: BEGIN }, BEGIN);
    expect(gone).toMatchObject({ active: false, disabledReason: 'gone', activeSince: null });
    expect(failing(every(29 * HOUR, 5)).active).toBe(true);
    expect(failing(every(30 * HOUR, 5))).toMatchObject({ active: false, disabledReason: 'failing' });
    // One event that was refused long ago, and another one now, are no five days of failing.
    expect(failing(every(60 * DAY, 2)).active).toBe(true);
  });

  test('is not judged by an answer of the receiver that it had before', () => {
    const elsewhere = nextEndpoint(ENDPOINT, { kind: 'changed', url: 'https://elsewhere.example/' }, BEGIN + 1);
    expect(nextEndpoint(elsewhere, { ...answer(410), startedAt: BEGIN }, BEGIN + 2)).toEqual(elsewhere);
  });

  test('is probed while it fails in a row', () => {
    expect(isProbed(failing(every(SECOND, OUTAGE_FAILURES - 1)))).toBe(false);
    expect(isProbed(failing(every(SECOND, OUTAGE_FAILURES)))).toBe(true);
  });
});
