import { describe, expect, test } from 'vitest';
import { actionRefusal, openingRefusal } from '../../src/domain/actions.ts';
import { decide } from '../../src/domain/decide.ts';
import { DISPUTE_ACTIONS, type DisputeAction, ROLES, type Role } from '../../src/domain/rules.ts';
import type { Order, State } from '../../src/domain/state.ts';
import {
  act,
  after,
  CHANGE,
  DAY,
  disputeOf,
  HOUR,
  open,
  opened,
  orderOf,
  other,
  quiet,
  REQUESTS,
  report,
  T0,
} from './builders.ts';

// The matrix goes through what a dispute has become; this one goes through what the order and the dispute have become
// meanwhile. What each party is refused is written by hand.

type Refusals = Readonly<Record<Role, Readonly<Record<DisputeAction, string | null>>>>;

/** What is refused whatever has happened to the order. */
const OF_A_CHANGE: Refusals = {
  client: {
    accept: null,
    decline: null,
    provide_update: 'action_not_allowed',
    withdraw: 'not_opener',
    add_comment: null,
  },
  freelancer: {
    accept: 'not_respondent',
    decline: 'not_respondent',
    provide_update: 'action_not_allowed',
    withdraw: null,
    add_comment: null,
  },
};

const asked = opened('order_change', 'freelancer');
const outdated: readonly (readonly [string, State, number, string | null])[] = [
  ['a millisecond before its date', late(), T0 + DAY - 1, null],
  ['at its date', late(), T0 + DAY, 'date_passed'],
  ['after a report of the same date', moved({ deliverBy: CHANGE.deliverBy }), T0 + 2 * HOUR, 'date_not_later'],
  ['after a report of a later date', moved({ deliverBy: T0 + 20 * DAY }), T0 + 2 * HOUR, 'date_not_later'],
  ['after a report of an earlier date', moved({ deliverBy: T0 + 5 * DAY }), T0 + 2 * HOUR, null],
  ['after a report without a date', moved({ deliverBy: null }), T0 + 2 * HOUR, null],
  [
    'after a report in another currency',
    moved({ price: { amount: 20_000, currency: 'JPY' } }),
    T0 + 2 * HOUR,
    'currency_changed',
  ],
  [
    'after a report of a title and a price',
    moved({ title: 'A sign', price: { amount: 1, currency: 'USD' } }),
    T0 + 2 * HOUR,
    null,
  ],
];

/** A request for a date that comes before its deadline, on an order without a date. */
function late(): State {
  const change = { ...CHANGE, deliverBy: T0 + DAY };
  return after(quiet({ deliverBy: null, reportedDeliverBy: null }), [
    open('order_change', 'freelancer', { change }),
    T0,
  ]);
}

function moved(over: Parameters<typeof report>[0]): State {
  return after(asked, [report(over), T0 + HOUR]);
}

const attempts = ROLES.flatMap((role) => DISPUTE_ACTIONS.map((action) => [role, action] as const));

/** Decides and shows the same; a refusal leaves everything as it was, and anything else has an entry that shows it. */
function expectDecision(state: State, role: Role, action: DisputeAction, now: number, code: string | null): State {
  const decision = decide(state, act(action, role), now);
  expect(decision.rejection?.code ?? null).toBe(code);
  expect(actionRefusal(orderOf(state), disputeOf(state), action, role, now)).toEqual(decision.rejection);
  if (code !== null) {
    expect([decision.entries, decision.state]).toEqual([[], state]);
    return decision.state;
  }
  expect(decision.entries.at(-1)).toMatchObject({
    order: { version: orderOf(decision.state).version, deliverBy: orderOf(decision.state).deliverBy },
  });
  return decision.state;
}

describe.each(outdated)('a request for a date and extras, %s', (_, state, now, reason) => {
  test.each(attempts)('%s: %s', (role, action) => {
    const usual = OF_A_CHANGE[role][action];
    const isAccepted = role === 'client' && action === 'accept';
    const next = expectDecision(state, role, action, now, isAccepted && reason !== null ? 'change_outdated' : usual);
    if (isAccepted) {
      const { rejection } = decide(state, act(action, role), now);
      expect(rejection === null ? null : rejection).toEqual(
        reason === null ? null : { code: 'change_outdated', reason },
      );
    }
    // No answer moves a date to an earlier one.
    expect(orderOf(next).deliverBy ?? 0).toBeGreaterThanOrEqual(orderOf(state).deliverBy ?? 0);
  });
});

const withComments = (state: State, commentCount: number): State => ({
  ...state,
  disputes: state.disputes.map((dispute) => ({ ...dispute, commentCount })),
});

describe.each(REQUESTS)('%s of the %s', (type, opener) => {
  test.each([
    [199, null],
    [200, 'comment_limit_reached'],
  ] as const)(
    'with %d comments: one more is taken or refused of both parties, and nothing else changes',
    (count, code) => {
      const now = T0 + HOUR;
      for (const [role, action] of attempts) {
        const full = withComments(opened(type, opener), count);
        const usual = decide(opened(type, opener), act(action, role), now).rejection?.code ?? null;
        expectDecision(full, role, action, now, action === 'add_comment' ? code : usual);
      }
    },
  );

  const opening = (order: Partial<Order>, role: Role, cooldownMs = 0) => {
    const state = quiet(order);
    const { rejection } = decide(state, open(type, role, { cooldownMs }), T0);
    expect(openingRefusal(state, { type, role, cooldownMs }, T0)).toEqual(rejection);
    return rejection;
  };
  const openings = (count: number, role: Role) => Array.from({ length: count }, () => ({ role, at: T0 - HOUR }));

  test('is opened as the last one that an order may have, and not as one more', () => {
    expect(opening({ disputeCount: 499 }, opener)).toBeNull();
    expect(opening({ disputeCount: 500 }, opener)).toEqual({ code: 'dispute_limit_reached', availableAt: null });
  });

  test('is opened as the tenth of its opener within a day, and not as the eleventh, whatever the other party opened', () => {
    const others = openings(10, other(opener));
    expect(opening({ openings: [...others, ...openings(9, opener)] }, opener)).toBeNull();
    expect(opening({ openings: [...others, ...openings(10, opener)] }, opener)).toEqual({
      code: 'dispute_limit_reached',
      availableAt: T0 + 23 * HOUR,
    });
  });

  test('is opened once the cooldown after its decline is over, and not before', () => {
    const declines = [{ type, role: opener, at: T0 - HOUR }];
    expect(opening({ declines }, opener, HOUR)).toBeNull();
    expect(opening({ declines }, opener, HOUR + 1)).toEqual({ code: 'cooldown_active', availableAt: T0 + 1 });
    expect(opening({ declines: [{ type, role: other(opener), at: T0 }] }, opener, HOUR)).toBeNull();
  });
});

test.each([
  ['title', { title: 'A sign' }, { title: 'A logo' }],
  ['price', { price: { amount: 1, currency: 'USD' } }, { price: { amount: 20_000, currency: 'USD' } }],
  ['currency', { price: { amount: 20_000, currency: 'JPY' } }, { price: { amount: 20_000, currency: 'USD' } }],
  ['status behind the dispute', { status: 'delivered' as const }, { previousStatus: 'in_revision' }],
])('a report of another %s while a cancellation is open has an entry with what it was', (_, over, previous) => {
  const { entries } = decide(opened('cancellation', 'client'), report(over), T0 + HOUR);
  expect(entries).toMatchObject([{ type: 'order.details_changed', previous }]);
});
