import { describe, expect, test } from 'vitest';
import { actionsOf } from '../../src/domain/actions.ts';
import {
  DISPUTE_TYPES,
  type DisputeType,
  RESOLUTIONS,
  type Resolution,
  RULES,
  ruleOf,
} from '../../src/domain/rules.ts';
import { ORDER_STATUSES, type OrderStatus, REPORTED_STATUSES } from '../../src/domain/state.ts';
import { anOrder, CHANGE, disputeOf, ended, HOUR, opened, orderOf, T0 } from './builders.ts';

/** The table of the contract, copied by hand: it must not be derived from the rules that it checks. */
interface Row {
  readonly opening: object;
  readonly answers: object;
  readonly window: { iso: string; hours: number };
  readonly onExpiry: string;
  /** What the order is after each ending, if `in_revision` is what the order service reported last. */
  readonly afterwards: { readonly [R in Resolution]?: OrderStatus };
  readonly changesOn: readonly Resolution[];
}

const CONTRACT: Readonly<Record<DisputeType, Row>> = {
  order_update: {
    opening: { client: { reason: 'none', comment: 'optional', change: 'none' } },
    answers: { provide_update: 'required' },
    window: { iso: 'PT48H', hours: 48 },
    onExpiry: 'close_dispute',
    afterwards: {
      answered: 'in_revision',
      withdrawn: 'in_revision',
      expired: 'in_revision',
      superseded: 'completed',
    },
    changesOn: [],
  },
  cancellation: {
    opening: {
      client: { reason: 'optional', comment: 'required', change: 'none' },
      freelancer: { reason: 'required', comment: 'optional', change: 'none' },
    },
    answers: { accept: 'optional', decline: 'optional' },
    window: { iso: 'PT48H', hours: 48 },
    onExpiry: 'cancel_order',
    afterwards: {
      accepted: 'mutually_cancelled',
      declined: 'in_revision',
      withdrawn: 'in_revision',
      expired: 'mutually_cancelled',
      superseded: 'completed',
    },
    changesOn: [],
  },
  order_change: {
    opening: { freelancer: { reason: 'none', comment: 'optional', change: 'required' } },
    answers: { accept: 'optional', decline: 'optional' },
    window: { iso: 'PT96H', hours: 96 },
    onExpiry: 'withdraw_request',
    afterwards: {
      accepted: 'in_revision',
      declined: 'in_revision',
      withdrawn: 'in_revision',
      expired: 'in_revision',
      superseded: 'completed',
    },
    changesOn: ['accepted'],
  },
};

const rows = Object.entries(CONTRACT) as [DisputeType, Row][];
const openersOf = (type: DisputeType) =>
  (['client', 'freelancer'] as const).filter((role) => role in CONTRACT[type].opening);
const endings = rows.flatMap(([type, row]) =>
  openersOf(type).flatMap((opener) =>
    (Object.entries(row.afterwards) as [Resolution, OrderStatus][]).map(
      ([resolution, status]) => [type, opener, resolution, status] as const,
    ),
  ),
);

test('there are three types of dispute and six ways for one to end', () => {
  expect(DISPUTE_TYPES).toEqual(['order_update', 'cancellation', 'order_change']);
  expect(RESOLUTIONS).toEqual(['accepted', 'declined', 'answered', 'withdrawn', 'expired', 'superseded']);
});

test('the order service may report seven statuses; two more are ours alone', () => {
  const reported = [
    'pending_requirements',
    'in_progress',
    'late',
    'in_revision',
    'delivered',
    'completed',
    'cancelled',
  ];
  expect(REPORTED_STATUSES).toEqual(reported);
  expect(ORDER_STATUSES).toEqual([...reported, 'in_dispute', 'mutually_cancelled']);
});

describe.each(rows)('%s', (type, row) => {
  test('is opened by the roles of the contract, with what each has to say', () => {
    expect(RULES[type].opening).toEqual(row.opening);
  });

  test('can be answered in the ways of the contract and in no other', () => {
    const answers = Object.entries(ruleOf(type).answers).map(([answer, rule]) => [answer, rule.comment]);
    expect(Object.fromEntries(answers)).toEqual(row.answers);
    expect(actionsOf(type)).toEqual([...Object.keys(row.answers), 'withdraw', 'add_comment']);
  });

  test('gives the respondent the window of the contract', () => {
    expect(RULES[type].defaultWindow).toEqual({ iso: row.window.iso, ms: row.window.hours * HOUR });
    for (const opener of openersOf(type)) {
      expect(disputeOf(opened(type, opener)).respondBy).toBe(T0 + row.window.hours * HOUR);
    }
  });

  test('does on silence what the contract says', () => {
    expect(RULES[type].onExpiry.action).toBe(row.onExpiry);
  });

  test('says what it is for', () => {
    expect(RULES[type].purpose).toMatch(/\S/);
  });
});

test.each(endings)('%s of the %s, %s: the order is %s', (type, opener, resolution, status) => {
  const state = ended(type, opener, resolution);
  const changed = CONTRACT[type].changesOn.includes(resolution);
  expect(disputeOf(state).resolved?.resolution).toBe(resolution);
  expect(orderOf(state).status).toBe(status);
  expect(orderOf(state).deliverBy).toBe(changed ? CHANGE.deliverBy : anOrder().deliverBy);
  expect(orderOf(state).extras).toEqual(changed ? CHANGE.extras : []);
  expect(orderOf(state).cancelledByDisputeId).toBe(status === 'mutually_cancelled' ? 'dispute-1' : null);
});
