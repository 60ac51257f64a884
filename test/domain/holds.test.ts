import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import { LONGEST_BACK_MS, sinceFault, uncountedHold } from '../../src/domain/holds.ts';
import type { DisputeType } from '../../src/domain/rules.ts';
import type { Dispute, Hold, Instant, State } from '../../src/domain/state.ts';
import { applyDue, asSeenAt, disputeAsSeenAt, isUnsettled } from '../../src/domain/transition.ts';
import { act, codeOf, DAY, disputeOf, freeze, HOUR, opened, orderOf, T0, WINDOW } from './builders.ts';

function aHold(over: Partial<Hold> = {}): Hold {
  return { id: 'hold-1', type: null, orderIds: null, from: T0, until: null, ...over };
}

const held = (state: State, ...holds: readonly Hold[]): State => freeze({ ...state, holds });
const cancellation = opened('cancellation', 'client');
const DEADLINE = T0 + WINDOW.cancellation;

describe('while a hold lasts', () => {
  const state = held(cancellation, aHold({ from: T0 + HOUR }));

  test.each([
    ['before the deadline', DEADLINE - 1],
    ['at the deadline', DEADLINE],
    ['long after it', DEADLINE + 30 * DAY],
  ])('silence takes no effect: %s', (_when, now) => {
    expect(applyDue(state, now)).toEqual({ state, entries: [] });
    expect(disputeOf(asSeenAt(state, now)).resolved).toBeNull();
  });

  test('the dispute is seen as it is stored, with the instant from which on its time stands still', () => {
    const stored = disputeOf(state);
    for (const now of [T0 + HOUR, T0 + 2 * HOUR, DEADLINE + DAY]) {
      expect(disputeOf(asSeenAt(state, now))).toEqual({ ...stored, heldSince: T0 + HOUR });
    }
  });

  test('what is left of the window after a command is what was left when the hold began', () => {
    const now = DEADLINE + DAY;
    const { state: commented } = decide(state, act('add_comment', 'client'), now);
    const seen = asSeenAt({ ...commented, holds: state.holds }, now + HOUR).disputes[0];
    expect(seen?.heldSince).toBe(now);
    expect((seen?.respondBy ?? 0) - now).toBe(DEADLINE - (T0 + HOUR));
  });

  test.each(['accept', 'decline'] as const)('an answer counts also past the stored deadline: %s', (answer) => {
    const decision = decide(state, act(answer, 'freelancer'), DEADLINE + DAY);
    expect(codeOf(decision)).toBeNull();
    expect(decision.entries.map(({ type }) => type).slice(0, 2)).toEqual([
      'dispute.deadline_shifted',
      `dispute.${answer === 'accept' ? 'accepted' : 'declined'}`,
    ]);
    const { resolved, respondBy } = disputeOf(decision.state);
    expect(resolved?.at).toBeLessThan(respondBy);
  });

  test('a refused command moves nothing', () => {
    const decision = decide(state, act('accept', 'client'), DEADLINE + DAY);
    expect(codeOf(decision)).toBe('not_respondent');
    expect(decision).toMatchObject({ state, entries: [] });
  });

  test('a precondition is asked about the state that a reader sees, and not about the deadline that the command moves', () => {
    const now = T0 + 2 * HOUR;
    let asked: State | undefined;
    const precondition = (current: State) => {
      asked = current;
      return true;
    };
    expect(codeOf(decide(state, act('accept', 'freelancer', { precondition }), now))).toBeNull();
    expect(asked).toEqual(state);
    expect(disputeOf(asSeenAt(state, now))).toMatchObject(disputeOf(state));
  });
});

describe('after a hold', () => {
  const until = DEADLINE + HOUR;
  const state = held(cancellation, aHold({ from: T0 + HOUR, until }));
  const moved = DEADLINE + (until - T0 - HOUR);

  test('the deadline lies later by exactly the time held, once, and the log says why', () => {
    const step = applyDue(state, until + 7);
    expect(disputeOf(step.state).respondBy).toBe(moved);
    expect(step.entries).toMatchObject([
      { type: 'dispute.deadline_shifted', previous: { respondBy: DEADLINE }, holdId: 'hold-1' },
    ]);
    expect(applyDue(step.state, until + 8)).toEqual({ state: step.state, entries: [] });
  });

  test('silence takes effect at the moved deadline and not before, also if nothing was written in between', () => {
    expect(disputeOf(applyDue(state, moved - 1).state).resolved).toBeNull();
    const { resolved, respondBy } = disputeOf(applyDue(state, moved).state);
    expect([resolved?.resolution, resolved?.at, respondBy]).toEqual(['expired', moved, moved]);
  });
});

describe('a hold that began when the deadline had passed', () => {
  const state = held(cancellation, aHold({ from: DEADLINE }));

  test('keeps nothing back: silence had taken effect, at the deadline that was promised', () => {
    const step = applyDue(state, DEADLINE + DAY);
    expect(disputeOf(step.state)).toMatchObject({ respondBy: DEADLINE, resolved: { resolution: 'expired' } });
    expect(orderOf(step.state).status).toBe('mutually_cancelled');
    expect(step.entries.map(({ type }) => type)).toEqual(['dispute.expired', 'order.status_changed']);
  });

  test('and an answer is as late as it would have been', () => {
    expect(codeOf(decide(state, act('accept', 'freelancer'), DEADLINE + 1))).toBe('response_window_closed');
  });
});

test.each<[string, Partial<Hold>, boolean]>([
  ['all disputes', {}, true],
  ['its type', { type: 'cancellation' }, true],
  ['another type', { type: 'order_change' }, false],
  ['its order among others', { orderIds: ['order-1', 'order-1001'] }, true],
  ['other orders', { orderIds: ['order-1', 'order-2'] }, false],
])('a hold for %s holds a dispute or not: %o %s', (_name, scope, isHeld) => {
  const state = held(cancellation, aHold(scope));
  expect(disputeOf(applyDue(state, DEADLINE).state).resolved === null).toBe(isHeld);
});

// From here on time is counted in single steps, so that a model can walk through all of them.
const END = 60;
const instant = fc.integer({ min: 0, max: END });

const someHold: fc.Arbitrary<Hold> = fc
  .record({
    from: instant,
    lasts: fc.option(fc.integer({ min: 0, max: 20 })),
    type: fc.constantFrom<DisputeType | null>(null, null, 'cancellation', 'order_change'),
    orderIds: fc.constantFrom(null, null, ['order-1001'], ['order-2']),
  })
  .map(({ from, lasts, type, orderIds }) => ({
    id: `hold-${from}`,
    from: T0 + from,
    until: lasts === null ? null : T0 + from + lasts,
    type,
    orderIds: type === null ? orderIds : null,
  }));

const isFor = (hold: Hold): boolean =>
  (hold.type === null || hold.type === 'cancellation') &&
  (hold.orderIds === null || hold.orderIds.includes('order-1001'));

/** Walks through time: a deadline that has not passed stands still for one step exactly if some hold lasts then. */
function walked(dispute: Pick<Dispute, 'openedAt' | 'respondBy'>, holds: readonly Hold[], now: Instant): Instant {
  let { respondBy } = dispute;
  for (let t = dispute.openedAt; t < now; t += 1) {
    const isHeld = holds.some((hold) => isFor(hold) && hold.from <= t && (hold.until === null || t < hold.until));
    if (isHeld && t < respondBy) respondBy += 1;
  }
  return respondBy;
}

const aDispute = fc
  .record({ openedAt: instant, window: fc.integer({ min: 1, max: END }), heldMs: fc.integer({ min: 0, max: 15 }) })
  .map(({ openedAt, window, heldMs }): Dispute => {
    const respondBy = T0 + openedAt + window + heldMs;
    return { ...disputeOf(cancellation), openedAt: T0 + openedAt, respondBy, heldMs };
  });

test('a deadline is the first one and the union of the holds, less what it includes, by a walk through every instant', () => {
  fc.assert(
    fc.property(aDispute, fc.array(someHold, { maxLength: 6 }), instant, (dispute, holds, at) => {
      const { openedAt, respondBy, heldMs } = dispute;
      const now = Math.max(T0 + at, openedAt);
      const moved = respondBy + (uncountedHold(dispute, holds, now)?.ms ?? 0);
      expect(moved).toBe(Math.max(respondBy, walked({ openedAt, respondBy: respondBy - heldMs }, holds, now)));
    }),
    { numRuns: 3_000 },
  );
});

test('while a hold lasts, what is left is the time from the instant at which it stands still to the deadline', () => {
  fc.assert(
    fc.property(aDispute, fc.array(someHold, { maxLength: 6 }), instant, (dispute, holds, at) => {
      const now = Math.max(T0 + at, dispute.openedAt);
      const uncounted = uncountedHold(dispute, holds, now);
      const isHeld = holds.some((hold) => isFor(hold) && hold.until === null && hold.from <= now);
      if (uncounted === null || !isHeld || now >= dispute.respondBy + uncounted.ms) return;
      const again = uncountedHold(dispute, holds, now + 7);
      expect(dispute.respondBy - uncounted.since).toBe(dispute.respondBy + uncounted.ms - now);
      if (again !== null && uncounted.ms > 0) expect(again.since).toBe(uncounted.since);
    }),
    { numRuns: 2_000 },
  );
});

describe('a hold that counts from an instant before it was begun', () => {
  test.each([
    ['seven days ago', T0 - LONGEST_BACK_MS, null],
    ['a millisecond longer ago', T0 - LONGEST_BACK_MS - 1, 'too_early'],
    ['now', T0, null],
    ['a millisecond from now', T0 + 1, 'in_the_future'],
  ])('%s is possible or not', (_when, since, fault) => {
    expect(sinceFault(since, T0)).toBe(fault);
  });

  const outage = { from: DEADLINE - HOUR, until: null };

  test('opens again what is past its deadline and has not been settled', () => {
    const now = DEADLINE + 5 * HOUR;
    expect(disputeOf(asSeenAt(cancellation, now)).resolved?.resolution).toBe('expired');
    const state = held(cancellation, aHold(outage));
    expect(applyDue(state, now).entries).toEqual([]);
    expect(codeOf(decide(state, act('accept', 'freelancer'), now))).toBeNull();
    const released = held(cancellation, aHold({ ...outage, until: now }));
    expect(disputeOf(applyDue(released, now).state).respondBy).toBe(now + HOUR);
  });

  test('leaves what is resolved as it is', () => {
    const { state: expired } = applyDue(cancellation, DEADLINE);
    const state = held(expired, aHold(outage));
    expect(applyDue(state, DEADLINE + HOUR)).toEqual({ state, entries: [] });
    expect(disputeOf(asSeenAt(state, DEADLINE + HOUR))).toEqual({ ...disputeOf(expired), heldSince: null });
  });

  test.each([
    ['when it was opened', T0],
    ['before it was opened', T0 - DAY],
  ])('gives a dispute the time since it was opened, not more: from %s', (_when, from) => {
    const state = held(cancellation, aHold({ from, until: T0 + 3 * HOUR }));
    expect(disputeOf(applyDue(state, T0 + 3 * HOUR).state).respondBy).toBe(DEADLINE + 3 * HOUR);
  });

  test.each([
    ['overlaps its end', 2, 6, 5],
    ['lies around it', 0, 6, 6],
    ['lies in it', 2, 3, 3],
    ['follows it', 4, 6, 5],
  ])('counts time once with an earlier one that was counted, where it %s', (_how, from, until, hours) => {
    const earlier = aHold({ id: 'hold-1', from: T0 + HOUR, until: T0 + 4 * HOUR });
    const moved = applyDue(held(cancellation, earlier), T0 + 7 * HOUR).state;
    const later = aHold({ id: 'hold-2', from: T0 + from * HOUR, until: T0 + until * HOUR });
    const state = { ...moved, holds: [earlier, later] };
    expect(disputeOf(applyDue(state, T0 + 8 * HOUR).state).respondBy).toBe(DEADLINE + hours * HOUR);
  });
});

/** The holds as they were known at an instant: those that had begun, released or not. */
function knownAt(holds: readonly Hold[], now: Instant): Hold[] {
  return holds
    .filter(({ from }) => from <= now)
    .map((hold) => (hold.until !== null && hold.until <= now ? hold : { ...hold, until: null }));
}

/** The same holds, as if the last of them were released at an instant. */
const released = (holds: readonly Hold[], now: Instant): Hold[] =>
  holds.map((hold) => ({ ...hold, until: hold.until ?? now }));

interface Visit {
  readonly at: number;
  readonly what: 'settle' | 'comment' | 'refused';
}

const visits = fc
  .array(fc.record({ at: instant, what: fc.constantFrom<Visit['what']>('settle', 'comment', 'refused') }), {
    maxLength: 8,
  })
  .map((all) => all.toSorted((a, b) => a.at - b.at));

function visited(state: State, holds: readonly Hold[], { at, what }: Visit): State {
  const now = T0 + at;
  const known = { ...state, holds: knownAt(holds, now) };
  if (what === 'settle') return applyDue(known, now).state;
  const command = what === 'comment' ? act('add_comment', 'client') : act('accept', 'client');
  return decide(known, command, now).state;
}

describe('reads by any caller, however often', () => {
  const small = { ...cancellation, disputes: [{ ...disputeOf(cancellation), respondBy: T0 + 15 }] };

  test('the deadline ends where the holds put it, and silence takes effect from there on and never before', () => {
    fc.assert(
      fc.property(fc.array(someHold, { maxLength: 5 }), visits, instant, (holds, looks, end) => {
        const before = looks.filter(({ at }) => at <= end);
        const state = before.reduce((current, visit) => visited(current, holds, visit), freeze(small as State));
        const now = T0 + end;
        const last = { ...state, holds: knownAt(holds, now) };
        const seen = disputeOf(asSeenAt(last, now));
        const expected = walked(disputeOf(small), holds, now);
        expect(seen.resolved?.resolution ?? null).toBe(expected <= now ? 'expired' : null);
        expect(disputeOf(applyDue({ ...last, holds: released(last.holds, now) }, now).state).respondBy).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a hold that is begun later for an earlier time ends in the same deadline as if it had been known', () => {
    const late = fc.tuple(someHold, fc.integer({ min: 0, max: END }));
    fc.assert(
      fc.property(fc.array(late, { maxLength: 5 }), visits, instant, (all, looks, end) => {
        const holds = all.map(([hold]) => hold);
        const begun = (at: Instant) => all.flatMap(([hold, by]) => (T0 + by <= at ? [hold] : []));
        const now = T0 + end;
        const before = looks.filter(({ at }) => at <= end);
        const state = before.reduce(
          (current, visit) => visited(current, begun(T0 + visit.at), visit),
          freeze(small as State),
        );
        if (disputeOf(state).resolved !== null) return; // what is resolved stays resolved
        const last = { ...state, holds: released(knownAt(holds, now), now) };
        expect(disputeOf(applyDue(last, now).state).respondBy).toBe(walked(disputeOf(small), holds, now));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a list and a detail see the same dispute, and what settling leaves is no longer unsettled', () => {
    fc.assert(
      fc.property(fc.array(someHold, { maxLength: 5 }), visits, instant, (holds, looks, end) => {
        const before = looks.filter(({ at }) => at <= end);
        const state = before.reduce((current, visit) => visited(current, holds, visit), freeze(small as State));
        const now = T0 + end;
        const last = { ...state, holds: knownAt(holds, now) };
        expect(disputeOf(asSeenAt(last, now))).toEqual(disputeAsSeenAt(disputeOf(last), last.holds, now));
        expect(isUnsettled(disputeOf(applyDue(last, now).state), last.holds, now)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  test('the log of one order never goes back in time and counts up without gaps', () => {
    fc.assert(
      fc.property(fc.array(someHold, { maxLength: 5 }), visits, (holds, looks) => {
        let state = freeze(small as State);
        for (const visit of looks) {
          const next = visited(state, holds, visit);
          expect(orderOf(next).version).toBeGreaterThanOrEqual(orderOf(state).version);
          expect(disputeOf(next).version).toBeGreaterThanOrEqual(disputeOf(state).version);
          expect(disputeOf(next).respondBy).toBeGreaterThanOrEqual(disputeOf(state).respondBy);
          state = next;
        }
      }),
      { numRuns: 500 },
    );
  });
});
