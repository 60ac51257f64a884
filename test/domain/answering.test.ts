import { describe, expect, test } from 'vitest';
import { viewerState } from '../../src/domain/actions.ts';
import { decide } from '../../src/domain/decide.ts';
import type { State } from '../../src/domain/state.ts';
import { applyDue } from '../../src/domain/transition.ts';
import {
  act,
  CHANGE,
  codeOf,
  DAY,
  disputeOf,
  ended,
  HOUR,
  logOf,
  open,
  opened,
  orderOf,
  quiet,
  T0,
} from './builders.ts';

const SOON = T0 + HOUR;
const update = opened('order_update', 'client');
const cancellation = opened('cancellation', 'client');

describe('what an answer has to say', () => {
  test('an update says something', () => {
    const decision = decide(update, act('provide_update', 'freelancer', { comment: null }), SOON);
    expect(decision).toMatchObject({ state: update, entries: [], rejection: { code: 'comment_required' } });
  });

  test.each([
    ['accept', 'freelancer'],
    ['decline', 'freelancer'],
    ['withdraw', 'client'],
  ] as const)('%s needs no words', (action, role) => {
    expect(codeOf(decide(cancellation, act(action, role, { comment: null }), SOON))).toBeNull();
  });

  test('the words of an answer stand in the first entry that it writes and in no other', () => {
    const { entries } = decide(cancellation, act('decline', 'freelancer', { comment: 'Almost done.' }), SOON);
    expect(entries.map(({ comment }) => comment)).toEqual(['Almost done.', null]);
  });
});

const fails = () => false;

describe('a precondition', () => {
  test('lets the command pass where it holds, by the state at that instant', () => {
    const precondition = (state: State) => disputeOf(state).version === 1;
    expect(codeOf(decide(update, act('provide_update', 'freelancer', { precondition }), SOON))).toBeNull();
  });

  test('refuses the command where it fails', () => {
    const { rejection, state } = decide(update, act('provide_update', 'freelancer', { precondition: fails }), SOON);
    expect(rejection).toEqual({ code: 'version_mismatch' });
    expect(state).toEqual(update);
  });

  test('is asked after the role and the state, and before the comment', () => {
    const stale = { precondition: fails, comment: null };
    expect(codeOf(decide(update, act('provide_update', 'client', stale), SOON))).toBe('not_respondent');
    const late = decide(update, act('provide_update', 'freelancer', stale), T0 + 48 * HOUR);
    expect(codeOf(late)).toBe('response_window_closed');
    const closed = ended('order_update', 'client', 'withdrawn');
    expect(codeOf(decide(closed, act('provide_update', 'freelancer', stale), SOON))).toBe('dispute_not_open');
    expect(codeOf(decide(update, act('provide_update', 'freelancer', stale), SOON))).toBe('version_mismatch');
  });
});

describe('a comment', () => {
  test.each(['client', 'freelancer'] as const)(
    'may come from the %s while the dispute is open, and moves no deadline',
    (role) => {
      const decision = decide(cancellation, act('add_comment', role, { comment: 'Look again.' }), SOON);
      const dispute = disputeOf(decision.state);
      expect(dispute).toEqual({ ...disputeOf(cancellation), version: 2, updatedAt: SOON });
      expect(orderOf(decision.state).status).toBe('in_dispute');
      expect(decision.entries).toEqual([
        expect.objectContaining({
          type: 'dispute.comment_added',
          comment: 'Look again.',
          previous: null,
          orderVersion: 3,
        }),
      ]);
    },
  );

  test('may come in the last millisecond, and at respondBy no more', () => {
    const { respondBy } = disputeOf(cancellation);
    expect(codeOf(decide(cancellation, act('add_comment', 'client'), respondBy - 1))).toBeNull();
    expect(codeOf(decide(cancellation, act('add_comment', 'client'), respondBy))).toBe('response_window_closed');
  });
});

describe('what an answer writes down', () => {
  test('a decline: the dispute, then the status', () => {
    const decision = decide(cancellation, act('decline', 'freelancer'), SOON);
    expect(logOf(decision)).toEqual([
      { type: 'dispute.declined', previous: null },
      { type: 'order.status_changed', previous: { status: 'in_dispute' } },
    ]);
    expect(decision.entries.map(({ orderVersion, order }) => [orderVersion, order.version, order.status])).toEqual([
      [3, 3, 'in_revision'],
      [4, 4, 'in_revision'],
    ]);
    expect(disputeOf(decision.state)).toMatchObject({ version: 2, updatedAt: SOON });
    expect(orderOf(decision.state)).toMatchObject({ version: 4, updatedAt: SOON });
  });

  test('an accepted change: the dispute, the status, the date and the extras', () => {
    const decision = decide(opened('order_change', 'freelancer'), act('accept', 'client'), SOON);
    expect(logOf(decision)).toEqual([
      { type: 'dispute.accepted', previous: null },
      { type: 'order.status_changed', previous: { status: 'in_dispute' } },
      { type: 'order.delivery_date_changed', previous: { deliverBy: T0 + 10 * DAY } },
      { type: 'order.extras_added', previous: { extrasCount: 0 } },
    ]);
  });

  test('a change of extras alone leaves the date alone, and adds to the extras that were agreed before', () => {
    const before = [{ title: 'Sketch', price: { amount: 100, currency: 'USD' } }];
    const opening = open('order_change', 'freelancer', { change: { deliverBy: null, extras: CHANGE.extras } });
    const { state } = decide(quiet({ extras: before }), opening, T0);
    const decision = decide(state, act('accept', 'client'), SOON);
    expect(orderOf(decision.state).extras).toEqual([...before, ...CHANGE.extras]);
    expect(orderOf(decision.state).deliverBy).toBe(T0 + 10 * DAY);
    expect(logOf(decision).at(-1)).toEqual({ type: 'order.extras_added', previous: { extrasCount: 1 } });
    expect(decision.entries).toHaveLength(3);
  });

  test('a change of the date alone agrees on a first date, where there was none', () => {
    const opening = open('order_change', 'freelancer', { change: { deliverBy: T0 + DAY, extras: [] } });
    const { state } = decide(quiet({ deliverBy: null, reportedDeliverBy: null }), opening, T0);
    const decision = decide(state, act('accept', 'client'), SOON);
    expect(orderOf(decision.state).deliverBy).toBe(T0 + DAY);
    expect(logOf(decision).at(-1)).toEqual({ type: 'order.delivery_date_changed', previous: { deliverBy: null } });
  });

  test('a late answer: what silence did, and nothing of the answer', () => {
    const { respondBy } = disputeOf(cancellation);
    const decision = decide(cancellation, act('decline', 'freelancer', { comment: 'No!' }), respondBy + 5);
    expect(decision.rejection).toEqual({ code: 'response_window_closed', respondBy, decidedAt: respondBy + 5 });
    expect({ state: decision.state, entries: decision.entries }).toEqual(applyDue(cancellation, respondBy + 5));
    expect(logOf(decision)).toEqual([
      { type: 'dispute.expired', previous: null },
      { type: 'order.status_changed', previous: { status: 'in_dispute' } },
    ]);
    for (const entry of decision.entries) expect(entry).toMatchObject({ actor: { role: 'system' }, comment: null });
  });
});

describe('settling', () => {
  test('waits for respondBy', () => {
    const { respondBy } = disputeOf(cancellation);
    expect(applyDue(cancellation, respondBy - 1)).toMatchObject({ state: cancellation, entries: [] });
    expect(disputeOf(applyDue(cancellation, respondBy).state).resolved?.resolution).toBe('expired');
  });

  test('leaves an unknown order, a quiet order and a resolved dispute alone', () => {
    for (const state of [
      { order: null, disputes: [], holds: [] },
      quiet(),
      ended('cancellation', 'client', 'declined'),
    ]) {
      expect(applyDue(state, T0 + 365 * DAY)).toEqual({ state, entries: [] });
    }
  });
});

test('a command that needs what was not loaded is a mistake of the program, not of its caller', () => {
  expect(() => decide({ order: null, disputes: [], holds: [] }, open('order_update', 'client'), T0)).toThrow(
    'needs an order',
  );
  expect(() => decide(quiet(), act('accept', 'client'), T0)).toThrow('dispute-1 is not loaded');
});

test('each side sees what it has to do', () => {
  const dispute = disputeOf(cancellation);
  expect(viewerState(dispute, 'freelancer')).toBe('action_required');
  expect(viewerState(dispute, 'client')).toBe('awaiting_other_party');
  const closed = disputeOf(ended('cancellation', 'client', 'declined'));
  expect([viewerState(closed, 'client'), viewerState(closed, 'freelancer')]).toEqual(['resolved', 'resolved']);
});
