import { describe, expect, test } from 'vitest';
import { remindAt, type State } from '../../src/domain/state.ts';
import { applyDue, asSeenAt } from '../../src/domain/transition.ts';
import { act, after, disputeOf, HOUR, open, orderOf, quiet, T0 } from './builders.ts';

const DEADLINE = T0 + 48 * HOUR;
const withReminders = (...remindersMs: number[]): State =>
  after(quiet(), [open('cancellation', 'client', { remindersMs }), T0]);
const state = withReminders(24 * HOUR, 2 * HOUR);

describe('a reminder', () => {
  test('waits for its instant', () => {
    expect(remindAt(disputeOf(state))).toBe(DEADLINE - 24 * HOUR);
    expect(applyDue(state, DEADLINE - 24 * HOUR - 1)).toEqual({ state, entries: [] });
  });

  test('is due at its instant, once, and leaves the next one to come', () => {
    const step = applyDue(state, DEADLINE - 24 * HOUR);
    expect(step.entries).toMatchObject([
      { type: 'dispute.reminder_due', actor: { role: 'system' }, comment: null, previous: null, orderVersion: 3 },
    ]);
    expect(remindAt(disputeOf(step.state))).toBe(DEADLINE - 2 * HOUR);
    expect(applyDue(step.state, DEADLINE - 2 * HOUR - 1)).toEqual({ state: step.state, entries: [] });
    const last = applyDue(step.state, DEADLINE - 2 * HOUR);
    expect(last.entries.map(({ type, orderVersion }) => [type, orderVersion])).toEqual([['dispute.reminder_due', 4]]);
    expect(remindAt(disputeOf(last.state))).toBeNull();
  });

  test('asks for another wake-up, is noted, and leaves the deadline alone', () => {
    const at = DEADLINE - 24 * HOUR;
    const dispute = disputeOf(applyDue(state, at).state);
    expect(dispute).toEqual({
      ...disputeOf(state),
      remindersMs: [2 * HOUR],
      deadlineSeq: 2,
      notices: [{ kind: 'reminded', at }],
      updatedAt: at,
      version: 2,
    });
    expect(orderOf(applyDue(state, DEADLINE - 24 * HOUR).state).status).toBe('in_dispute');
  });

  test('is seen by readers once it is done, and not before', () => {
    const seen = disputeOf(asSeenAt(state, DEADLINE - 1));
    expect(seen).toMatchObject(disputeOf(state));
  });

  test('stands for all that came due since the last look', () => {
    const step = applyDue(state, DEADLINE - 1);
    expect(step.entries.map(({ type }) => type)).toEqual(['dispute.reminder_due']);
    expect(remindAt(disputeOf(step.state))).toBeNull();
  });

  test('is not sent any more when the deadline itself has passed', () => {
    const step = applyDue(state, DEADLINE);
    expect(step.entries.map(({ type }) => type)).toEqual(['dispute.expired', 'order.status_changed']);
  });

  test('is not sent of a dispute that was answered', () => {
    const answered = after(state, [act('decline', 'freelancer'), T0 + HOUR]);
    expect(applyDue(answered, DEADLINE - 24 * HOUR)).toEqual({ state: answered, entries: [] });
  });

  test('that would come with the opening or before it is dropped', () => {
    expect(disputeOf(withReminders(48 * HOUR, 72 * HOUR, 47 * HOUR)).remindersMs).toEqual([47 * HOUR]);
    expect(remindAt(disputeOf(withReminders()))).toBeNull();
  });

  test('waits as long as a hold lasts, and then for as much longer as the deadline was moved', () => {
    const hold = { id: 'hold-1', type: null, orderIds: null, from: T0 + HOUR, until: null };
    const held = { ...state, holds: [hold] };
    expect(applyDue(held, DEADLINE - 2 * HOUR)).toEqual({ state: held, entries: [] });
    const released = { ...state, holds: [{ ...hold, until: T0 + 4 * HOUR }] };
    const due = DEADLINE + 3 * HOUR - 24 * HOUR;
    expect(applyDue(released, due - 1).entries.map(({ type }) => type)).toEqual(['dispute.deadline_shifted']);
    expect(applyDue(released, due).entries.map(({ type }) => type)).toEqual([
      'dispute.deadline_shifted',
      'dispute.reminder_due',
    ]);
  });
});
