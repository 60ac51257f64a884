import { expect, test } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import type { Instant, State } from '../../src/domain/state.ts';
import {
  act,
  after,
  CHANGE,
  codeOf,
  DAY,
  disputeOf,
  ended,
  HOUR,
  ORDER_SERVICE,
  open,
  opened,
  orderOf,
  PARTY,
  report,
  T0,
} from './builders.ts';

/** The cells of the matrix that matter most, each expected by hand: code, resolution, order status, deliverBy. */
interface Cell {
  readonly promise: string;
  readonly given: State;
  readonly when: readonly [Command, Instant];
  readonly code?: string;
  readonly resolution: string | null;
  readonly status: string;
  readonly deliverBy?: Instant;
}

const update = opened('order_update', 'client');
const cancellation = opened('cancellation', 'client');
const counter = opened('cancellation', 'freelancer');
const change = opened('order_change', 'freelancer');
const deliveredMeanwhile = after(cancellation, [report({ status: 'delivered' }), T0 + HOUR]);
const LAST_MS = T0 + 48 * HOUR - 1;
const TOO_LATE = T0 + 48 * HOUR;

const CELLS: readonly Cell[] = [
  {
    promise: 'an answer in the last millisecond before respondBy counts',
    given: cancellation,
    when: [act('decline', 'freelancer'), LAST_MS],
    resolution: 'declined',
    status: 'in_revision',
  },
  {
    promise: 'at respondBy itself an answer is too late, and silence has cancelled the order',
    given: cancellation,
    when: [act('decline', 'freelancer'), TOO_LATE],
    code: 'response_window_closed',
    resolution: 'expired',
    status: 'mutually_cancelled',
  },
  {
    promise: 'silence on a progress request closes it and leaves the order alone',
    given: update,
    when: [act('provide_update', 'freelancer'), TOO_LATE],
    code: 'response_window_closed',
    resolution: 'expired',
    status: 'in_revision',
  },
  {
    promise: 'a change request still waits when 48 hours are over',
    given: change,
    when: [act('decline', 'client'), TOO_LATE],
    resolution: 'declined',
    status: 'in_revision',
  },
  {
    promise: 'silence on a change request withdraws it and changes nothing',
    given: change,
    when: [act('accept', 'client'), T0 + 96 * HOUR],
    code: 'response_window_closed',
    resolution: 'expired',
    status: 'in_revision',
  },
  {
    promise: 'accepting a cancellation cancels the order',
    given: counter,
    when: [act('accept', 'client'), T0 + 1],
    resolution: 'accepted',
    status: 'mutually_cancelled',
  },
  {
    promise: 'accepting a change applies it',
    given: change,
    when: [act('accept', 'client'), T0 + 1],
    resolution: 'accepted',
    status: 'in_revision',
    deliverBy: CHANGE.deliverBy ?? 0,
  },
  {
    promise: 'declining restores the status that was reported meanwhile',
    given: deliveredMeanwhile,
    when: [act('decline', 'freelancer'), T0 + 2 * HOUR],
    resolution: 'declined',
    status: 'delivered',
  },
  {
    promise: 'withdrawing restores the status that was reported meanwhile',
    given: deliveredMeanwhile,
    when: [act('withdraw', 'client'), T0 + 2 * HOUR],
    resolution: 'withdrawn',
    status: 'delivered',
  },
  {
    promise: 'a delivery does not answer a cancellation: silence still cancels',
    given: deliveredMeanwhile,
    when: [act('accept', 'freelancer'), TOO_LATE],
    code: 'response_window_closed',
    resolution: 'expired',
    status: 'mutually_cancelled',
  },
  {
    promise: 'no party answers its own request',
    given: counter,
    when: [act('accept', 'freelancer'), T0 + 1],
    code: 'not_respondent',
    resolution: null,
    status: 'in_dispute',
  },
  {
    promise: 'only the opener withdraws',
    given: counter,
    when: [act('withdraw', 'client'), T0 + 1],
    code: 'not_opener',
    resolution: null,
    status: 'in_dispute',
  },
  {
    promise: 'a progress request cannot be accepted, not even by its respondent',
    given: update,
    when: [act('accept', 'freelancer'), T0 + 1],
    code: 'action_not_allowed',
    resolution: null,
    status: 'in_dispute',
  },
  {
    promise: 'who may not answer hears that first, also when it is too late',
    given: counter,
    when: [act('accept', 'freelancer'), TOO_LATE],
    code: 'not_respondent',
    resolution: 'expired',
    status: 'mutually_cancelled',
  },
  {
    promise: 'an answer to a withdrawn request is not called late',
    given: ended('cancellation', 'client', 'withdrawn'),
    when: [act('accept', 'freelancer'), T0 + 10 * DAY],
    code: 'dispute_not_open',
    resolution: 'withdrawn',
    status: 'in_revision',
  },
  {
    promise: 'a request cannot be withdrawn once silence has taken effect',
    given: cancellation,
    when: [act('withdraw', 'client'), TOO_LATE],
    code: 'response_window_closed',
    resolution: 'expired',
    status: 'mutually_cancelled',
  },
  {
    promise: 'a second request is refused while one is open, also from the other party',
    given: update,
    when: [open('cancellation', 'freelancer', { disputeId: 'dispute-2' }), LAST_MS],
    code: 'dispute_already_open',
    resolution: null,
    status: 'in_dispute',
  },
  {
    promise: 'a second request is taken from the instant at which silence closed the first',
    given: update,
    when: [open('cancellation', 'freelancer', { disputeId: 'dispute-2' }), TOO_LATE],
    resolution: 'expired',
    status: 'in_dispute',
  },
];

test.each(CELLS)('$promise', ({ given, when, code, resolution, status, deliverBy }) => {
  const decision = decide(given, ...when);
  expect(codeOf(decision)).toBe(code ?? null);
  expect(disputeOf(decision.state).resolved?.resolution ?? null).toBe(resolution);
  expect(orderOf(decision.state).status).toBe(status);
  expect(orderOf(decision.state).deliverBy).toBe(deliverBy ?? T0 + 10 * DAY);
});

test.each([
  ['a party that answers', cancellation, act('decline', 'freelancer'), T0 + HOUR, PARTY.freelancer],
  ['a party that withdraws', cancellation, act('withdraw', 'client'), T0 + HOUR, PARTY.client],
  ['the deadline', cancellation, act('decline', 'freelancer'), TOO_LATE, { role: 'system' }],
  ['the order service', cancellation, report({ status: 'cancelled' }), T0 + HOUR, ORDER_SERVICE],
] as const)('a dispute says that it was ended by %s, and when', (_name, given, command, now, by) => {
  expect(disputeOf(decide(given, command, now).state).resolved).toMatchObject({ by, at: now });
});
