import { describe, expect, test } from 'vitest';
import type { OpenDispute } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import { REASONS } from '../../src/domain/reasons.ts';
import type { Order } from '../../src/domain/state.ts';
import {
  anOrder,
  CHANGE,
  codeOf,
  DAY,
  disputeOf,
  HOUR,
  logOf,
  open,
  opened,
  orderOf,
  other,
  PARTY,
  quiet,
  REQUESTS,
  T0,
} from './builders.ts';

const code = (command: OpenDispute, order: Partial<Order> = {}) => codeOf(decide(quiet(order), command, T0));

describe.each(REQUESTS)('%s by the %s', (type, role) => {
  test('is opened with no more than the contract asks for', () => {
    const command = open(type, role);
    const decision = decide(quiet(), command, T0);
    expect(decision.rejection).toBeNull();
    expect(disputeOf(decision.state)).toEqual({
      id: 'dispute-1',
      orderId: 'order-1001',
      type,
      opener: PARTY[role],
      respondent: PARTY[other(role)],
      reason: command.reason,
      comment: command.comment,
      change: command.change,
      openedAt: T0,
      updatedAt: T0,
      respondBy: T0 + command.windowMs,
      deadlineSeq: 1,
      heldMs: 0,
      remindersMs: [],
      resolved: null,
      commentCount: 0,
      notices: [],
      version: 1,
    });
    expect(orderOf(decision.state)).toEqual({
      ...anOrder(),
      ...{ status: 'in_dispute', version: 2, disputeCount: 1, openings: [{ role, at: T0 }] },
    });
  });

  test('writes down the request, then the status, in versions that count on', () => {
    const { entries, ...decision } = decide(quiet({ version: 7 }), open(type, role, { comment: 'Look.' }), T0);
    expect(logOf({ entries, ...decision })).toEqual([
      { type: 'dispute.opened', previous: null },
      { type: 'order.status_changed', previous: { status: 'in_revision' } },
    ]);
    expect(entries.map(({ orderVersion, comment }) => [orderVersion, comment])).toEqual([
      [8, 'Look.'],
      [9, null],
    ]);
    for (const entry of entries) expect(entry).toMatchObject({ at: T0, actor: PARTY[role], dispute: { version: 1 } });
  });

  test('keeps the window it was opened with', () => {
    expect(disputeOf(decide(quiet(), open(type, role, { windowMs: 1_000 }), T0).state).respondBy).toBe(T0 + 1_000);
  });

  test.each(['pending_requirements', 'in_progress', 'late', 'in_revision', 'delivered'] as const)(
    'is possible while the order is %s',
    (status) => expect(code(open(type, role), { status, reportedStatus: status })).toBeNull(),
  );

  test.each([
    ['completed', 'order_completed', {}],
    ['cancelled', 'order_cancelled', {}],
    ['mutually_cancelled', 'order_cancelled', { reportedStatus: 'in_progress', cancelledByDisputeId: 'dispute-0' }],
  ] as const)('is refused once the order is %s', (status, reason, over) => {
    const { rejection } = decide(
      quiet({ status, reportedStatus: status, ...over } as Partial<Order>),
      open(type, role),
      T0,
    );
    expect(rejection).toEqual({ code: 'order_not_disputable', reason });
  });

  test.each(REQUESTS)('is refused while a %s of the %s is open, and the refusal names that one', (first, opener) => {
    const before = opened(first, opener);
    const decision = decide(before, open(type, role, { disputeId: 'dispute-2' }), T0 + 1);
    expect(decision).toMatchObject({
      state: before,
      entries: [],
      rejection: { code: 'dispute_already_open', disputeId: 'dispute-1' },
    });
  });
});

test.each([
  ['order_update', 'freelancer'],
  ['order_change', 'client'],
] as const)('%s is not for the %s', (type, role) => {
  expect(code(open(type, role))).toBe('action_not_allowed');
});

describe('the reason', () => {
  test('is required only from a freelancer who cancels', () => {
    expect(code(open('cancellation', 'freelancer', { reason: null }))).toBe('reason_required');
    expect(code(open('cancellation', 'freelancer', { reason: null, comment: 'Sorry.' }))).toBe('reason_required');
    expect(code(open('cancellation', 'client', { reason: null }))).toBeNull();
  });

  test.each(REASONS.map((reason) => [reason.code, reason.role] as const))('%s is for the %s alone', (reason, role) => {
    const sameCode = REASONS.some((row) => row.code === reason && row.role === other(role));
    expect(code(open('cancellation', role, { reason, comment: 'Words.' }))).toBeNull();
    expect(code(open('cancellation', other(role), { reason, comment: 'Words.' }))).toBe(
      sameCode ? null : 'reason_not_allowed',
    );
  });

  test('is not for a request that knows none', () => {
    expect(code(open('order_update', 'client', { reason: 'other', comment: 'Words.' }))).toBe('reason_not_allowed');
    expect(code(open('order_change', 'freelancer', { reason: 'other', comment: 'Words.' }))).toBe('reason_not_allowed');
  });
});

describe('the comment', () => {
  test('is required from a client who cancels, whatever the reason', () => {
    expect(code(open('cancellation', 'client', { comment: null }))).toBe('comment_required');
    expect(code(open('cancellation', 'client', { comment: null, reason: 'late_delivery' }))).toBe('comment_required');
  });

  test.each(['excessive_revisions', 'abusive_behavior', 'policy_violation', 'other'])(
    'is required from a freelancer who cancels for %s',
    (reason) => {
      expect(code(open('cancellation', 'freelancer', { reason, comment: null }))).toBe('comment_required');
      expect(code(open('cancellation', 'freelancer', { reason, comment: 'Words.' }))).toBeNull();
    },
  );

  test.each([
    ['order_update', 'client'],
    ['order_change', 'freelancer'],
    ['cancellation', 'freelancer'],
  ] as const)('is welcome in a request of type %s by the %s', (type, role) => {
    const { state } = decide(quiet(), open(type, role, { comment: 'Words.' }), T0);
    expect(disputeOf(state).comment).toBe('Words.');
  });
});

describe('the change', () => {
  const change = (deliverBy: number | null, extras = CHANGE.extras) =>
    open('order_change', 'freelancer', { change: { deliverBy, extras } });

  test('is required, with a date, extras or both', () => {
    expect(code(open('order_change', 'freelancer', { change: null }))).toBe('invalid_change');
    expect(code(change(null, []))).toBe('invalid_change');
    expect(code(change(null))).toBeNull();
    expect(code(change(T0 + 11 * DAY, []))).toBeNull();
  });

  test.each([
    ['order_update', 'client'],
    ['cancellation', 'client'],
    ['cancellation', 'freelancer'],
  ] as const)('is not for a request of type %s by the %s', (type, role) => {
    const { rejection } = decide(quiet(), open(type, role, { change: CHANGE }), T0);
    expect(rejection).toMatchObject({ code: 'invalid_change', pointer: '/change' });
  });

  test('asks for a date later than the current one', () => {
    const { rejection } = decide(quiet(), change(T0 + 10 * DAY), T0);
    expect(rejection).toMatchObject({ code: 'invalid_change', pointer: '/change/deliverBy' });
    expect(code(change(T0 + 10 * DAY + 1))).toBeNull();
  });

  test('asks for a date later than now, also where the order has none or an earlier one', () => {
    for (const deliverBy of [null, T0 - DAY]) {
      expect(code(change(T0), { deliverBy })).toBe('invalid_change');
      expect(code(change(T0 + 1), { deliverBy })).toBeNull();
    }
  });

  test('is measured by the date that the parties agreed on, not by the one that was reported', () => {
    expect(code(change(T0 + 11 * DAY), { deliverBy: T0 + 12 * DAY })).toBe('invalid_change');
  });
});

describe('which refusal comes first', () => {
  const hopeless = { reason: 'no_such_reason', comment: null, change: { deliverBy: T0 - DAY, extras: [] } };

  test('the role, before the order', () => {
    expect(code(open('order_change', 'client', hopeless), { status: 'completed', reportedStatus: 'completed' })).toBe(
      'action_not_allowed',
    );
    const busy = opened('cancellation', 'freelancer');
    expect(codeOf(decide(busy, open('order_update', 'freelancer', hopeless), T0 + 1))).toBe('action_not_allowed');
  });

  test('the order and its open dispute, before what the request says', () => {
    const completed = { status: 'completed', reportedStatus: 'completed' } as const;
    for (const [type, role] of REQUESTS) {
      expect(code(open(type, role, hopeless), completed)).toBe('order_not_disputable');
      const busy = opened('order_update', 'client');
      expect(codeOf(decide(busy, open(type, role, hopeless), T0 + 1))).toBe('dispute_already_open');
    }
  });

  test('then the reason, the comment and the change', () => {
    const reason = 'late_delivery';
    expect(code(open('cancellation', 'client', hopeless))).toBe('reason_not_allowed');
    expect(code(open('cancellation', 'client', { ...hopeless, reason }))).toBe('comment_required');
    expect(code(open('cancellation', 'client', { ...hopeless, reason, comment: 'Words.' }))).toBe('invalid_change');
  });
});

describe('silence that is due', () => {
  test('takes effect before the next request is judged, and stays written where that is refused', () => {
    const before = opened('cancellation', 'client');
    const decision = decide(before, open('order_change', 'freelancer', { disputeId: 'dispute-2' }), T0 + 48 * HOUR);
    expect(decision.rejection).toEqual({ code: 'order_not_disputable', reason: 'order_cancelled' });
    expect(disputeOf(decision.state).resolved?.resolution).toBe('expired');
    expect(decision.entries.map(({ type }) => type)).toEqual(['dispute.expired', 'order.status_changed']);
  });

  test('makes room for the next request in one decision, with versions that count on', () => {
    const before = opened('order_update', 'client');
    const decision = decide(before, open('order_update', 'client', { disputeId: 'dispute-2' }), T0 + 48 * HOUR);
    expect(decision.entries.map(({ orderVersion, type, dispute }) => [orderVersion, type, dispute?.id])).toEqual([
      [3, 'dispute.expired', 'dispute-1'],
      [4, 'order.status_changed', 'dispute-1'],
      [5, 'dispute.opened', 'dispute-2'],
      [6, 'order.status_changed', 'dispute-2'],
    ]);
    expect(disputeOf(decision.state, 'dispute-2')).toMatchObject({ openedAt: T0 + 48 * HOUR, resolved: null });
  });
});
