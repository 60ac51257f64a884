import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import { heldMs } from '../../src/domain/holds.ts';
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

  test('the deadline is seen to move with the clock', () => {
    for (const now of [T0 + 2 * HOUR, DEADLINE + DAY]) {
      expect(disputeOf(asSeenAt(state, now)).respondBy).toBe(DEADLINE + (now - T0 - HOUR));
    }
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

  test('a precondition is asked about the state that a reader sees at that instant', () => {
    const now = T0 + 2 * HOUR;
    let asked: State | undefined;
    const precondition = (current: State) => {
      asked = current;
      return true;
    };
    expect(codeOf(decide(state, act('accept', 'freelancer', { precondition }), now))).toBeNull();
    expect(asked).toEqual(asSeenAt(state, now));
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
function walked(dispute: Dispute, holds: readonly Hold[], now: Instant): Instant {
  let { respondBy } = dispute;
  for (let t = Math.max(dispute.openedAt, dispute.heldThrough ?? 0); t < now; t += 1) {
    const isHeld = holds.some((hold) => isFor(hold) && hold.from <= t && (hold.until === null || t < hold.until));
    if (isHeld && t < respondBy) respondBy += 1;
  }
  return respondBy;
}

const aDispute = fc
  .record({ openedAt: instant, window: fc.integer({ min: 1, max: END }), through: fc.option(instant) })
  .map(({ openedAt, window, through }): Dispute => {
    const respondBy = T0 + openedAt + window;
    const heldThrough = through === null ? null : Math.min(T0 + Math.max(through, openedAt), respondBy - 1);
    return { ...disputeOf(cancellation), openedAt: T0 + openedAt, respondBy, heldThrough };
  });

test('the time held is the union of the holds, by a walk through every instant', () => {
  fc.assert(
    fc.property(aDispute, fc.array(someHold, { maxLength: 6 }), instant, (dispute, holds, at) => {
      const now = Math.max(T0 + at, dispute.openedAt, dispute.heldThrough ?? 0);
      expect(dispute.respondBy + heldMs(dispute, holds, now)).toBe(walked(dispute, holds, now));
    }),
    { numRuns: 3_000 },
  );
});

/** The holds as they were known at an instant: those that had begun, released or not. */
function knownAt(holds: readonly Hold[], now: Instant): Hold[] {
  return holds
    .filter(({ from }) => from <= now)
    .map((hold) => (hold.until !== null && hold.until <= now ? hold : { ...hold, until: null }));
}

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
        expect(seen.respondBy).toBe(expected);
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
        expect(disputeAsSeenAt(disputeOf(last), last.holds, now)).toEqual(disputeOf(asSeenAt(last, now)));
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
