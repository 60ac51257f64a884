import { describe, expect, test } from 'vitest';
import { possibleUntil, viewerState } from '../../src/domain/actions.ts';
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
  report,
  after as stateAfter,
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
      expect(dispute).toEqual({ ...disputeOf(cancellation), commentCount: 1, version: 2, updatedAt: SOON });
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

describe('a change is judged when it is accepted, by the order as it is then', () => {
  const asked = opened('order_change', 'freelancer');
  const accept = act('accept', 'client');
  const outdated = (reason: string) => ({ code: 'change_outdated', reason });
  const dated = (deliverBy: number) =>
    decide(quiet(), open('order_change', 'freelancer', { change: { ...CHANGE, deliverBy }, windowMs: 96 * HOUR }), T0)
      .state;

  test('an extension to the 5th does not move an order that was meanwhile moved to the 20th', () => {
    const state = stateAfter(asked, [report({ deliverBy: T0 + 20 * DAY }), SOON]);
    const decision = decide(state, accept, SOON + 1);
    expect(decision).toMatchObject({ state, entries: [], rejection: outdated('date_not_later') });
  });

  test.each([
    [-1, null],
    [0, 'date_not_later'],
    [1, 'date_not_later'],
  ] as const)('a date %d ms from the one asked for is later than it, or not', (ms, reason) => {
    const state = stateAfter(asked, [report({ deliverBy: T0 + 11 * DAY + ms }), SOON]);
    expect(decide(state, accept, SOON + 1).rejection).toEqual(reason === null ? null : outdated(reason));
  });

  test('a date that has come or passed is none to agree on', () => {
    const tomorrow = T0 + 11 * DAY;
    const state = stateAfter(quiet({ deliverBy: null, reportedDeliverBy: null }), [
      open('order_change', 'freelancer', { change: CHANGE, windowMs: 90 * DAY }),
      T0,
    ]);
    expect(codeOf(decide(state, accept, tomorrow - 1))).toBeNull();
    for (const late of [tomorrow, tomorrow + DAY]) {
      expect(decide(state, accept, late).rejection).toEqual(outdated('date_passed'));
    }
  });

  test('extras in a currency that the order no longer has are not added', () => {
    const price = { amount: 20_000, currency: 'JPY' };
    const state = stateAfter(asked, [report({ price }), SOON]);
    expect(decide(state, accept, SOON + 1).rejection).toEqual(outdated('currency_changed'));
    const back = stateAfter(state, [report({ revision: 3 }), SOON + 1]);
    expect(codeOf(decide(back, accept, SOON + 2))).toBeNull();
  });

  test('a change of the date alone takes no notice of the currency, and one of extras alone none of the date', () => {
    const facts = { price: { amount: 20_000, currency: 'JPY' } };
    const date = decide(quiet(), open('order_change', 'freelancer', { change: { ...CHANGE, extras: [] } }), T0).state;
    expect(codeOf(decide(stateAfter(date, [report(facts), SOON]), accept, SOON))).toBeNull();
    const extras = decide(quiet(), open('order_change', 'freelancer', { change: { ...CHANGE, deliverBy: null } }), T0);
    const moved = stateAfter(extras.state, [report({ deliverBy: T0 + 20 * DAY }), SOON]);
    expect(codeOf(decide(moved, accept, SOON))).toBeNull();
  });

  test('the date is named first, and a passed one before one that is not later', () => {
    const price = { amount: 20_000, currency: 'JPY' };
    const state = stateAfter(dated(T0 + 11 * DAY), [report({ price, deliverBy: T0 + 20 * DAY }), SOON]);
    expect(decide(state, accept, SOON).rejection).toEqual(outdated('date_not_later'));
    const { order, disputes, holds } = state;
    const open4Ever = disputes.map((dispute) => ({ ...dispute, respondBy: T0 + 90 * DAY }));
    expect(decide({ order, disputes: open4Ever, holds }, accept, T0 + 11 * DAY).rejection).toEqual(
      outdated('date_passed'),
    );
  });

  test('declining and withdrawing stay possible, and so do comments', () => {
    const state = stateAfter(asked, [report({ deliverBy: T0 + 20 * DAY }), SOON]);
    for (const command of [act('decline', 'client'), act('withdraw', 'freelancer'), act('add_comment', 'client')]) {
      expect(codeOf(decide(state, command, SOON + 1))).toBeNull();
    }
  });

  test('the role and the deadline are named before it, a precondition after it', () => {
    const state = stateAfter(asked, [report({ deliverBy: T0 + 20 * DAY }), SOON]);
    expect(codeOf(decide(state, act('accept', 'freelancer'), SOON + 1))).toBe('not_respondent');
    expect(codeOf(decide(state, accept, T0 + 96 * HOUR))).toBe('response_window_closed');
    expect(codeOf(decide(state, act('accept', 'client', { precondition: fails }), SOON + 1))).toBe('change_outdated');
  });

  test('it can be accepted until the deadline or its date, whichever comes first', () => {
    const soon = disputeOf(dated(T0 + 10 * DAY + HOUR));
    expect(possibleUntil({ ...soon, respondBy: T0 + 90 * DAY }, 'accept')).toBe(T0 + 10 * DAY + HOUR);
    expect(possibleUntil(soon, 'accept')).toBe(soon.respondBy);
    expect(possibleUntil({ ...soon, respondBy: T0 + 90 * DAY }, 'decline')).toBe(T0 + 90 * DAY);
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
