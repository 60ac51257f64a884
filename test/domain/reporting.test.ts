import { describe, expect, test } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import {
  act,
  anOrder,
  codeOf,
  DAY,
  disputeOf,
  ended,
  HOUR,
  logOf,
  ORDER_SERVICE,
  opened,
  orderOf,
  quiet,
  REQUESTS,
  report,
  after as stateAfter,
  T0,
} from './builders.ts';

const SOON = T0 + HOUR;
const UNKNOWN = { order: null, disputes: [], holds: [] };
/** Cancelled by agreement: no report opens this order again. */
const CLOSED = ended('cancellation', 'client', 'accepted');

describe('a first report', () => {
  test('makes the order known, and writes nothing into a log that has no dispute yet', () => {
    const decision = decide(UNKNOWN, report({ revision: 1 }), T0);
    expect(decision).toMatchObject({ state: quiet(), entries: [], rejection: null });
  });

  test('may come in any status and with any revision', () => {
    for (const status of ['pending_requirements', 'completed', 'cancelled'] as const) {
      const { state } = decide(UNKNOWN, report({ status, revision: 40, deliverBy: null, title: null }), T0);
      expect(orderOf(state)).toMatchObject({
        status,
        reportedStatus: status,
        revision: 40,
        deliverBy: null,
        title: null,
      });
    }
  });
});

describe('the same report again', () => {
  test('changes nothing', () => {
    expect(decide(quiet(), report({ revision: 1 }), SOON)).toMatchObject({
      state: quiet(),
      entries: [],
      rejection: null,
    });
  });

  test('changes nothing on an order that is closed', () => {
    expect(decide(CLOSED, report({ revision: 1 }), SOON)).toMatchObject({
      state: CLOSED,
      entries: [],
      rejection: null,
    });
  });

  test('is the same if its date differs by less than a second', () => {
    const again = report({ revision: 1, deliverBy: T0 + 10 * DAY + 123 });
    expect(decide(quiet(), again, SOON)).toMatchObject({ state: quiet(), entries: [], rejection: null });
  });

  test('does not undo what the parties agreed on', () => {
    const agreed = ended('order_change', 'freelancer', 'accepted');
    expect(decide(agreed, report({ revision: 1 }), SOON)).toMatchObject({
      state: agreed,
      entries: [],
      rejection: null,
    });
  });

  test.each([
    ['status', { status: 'late' }],
    ['delivery date', { deliverBy: null }],
    ['amount', { price: { amount: 1, currency: 'USD' } }],
    ['currency', { price: { amount: 20_000, currency: 'EUR' } }],
    ['title', { title: null }],
  ] as const)('with another %s is another report, and its revision is not new', (_name, over) => {
    const { rejection } = decide(quiet(), report({ ...over, revision: 1 }), SOON);
    expect(rejection).toEqual({ code: 'stale_revision', revision: 1 });
  });
});

describe('a report that is refused', () => {
  test('an older one, and the refusal names the revision that holds', () => {
    const decision = decide(quiet({ revision: 5 }), report({ revision: 4 }), SOON);
    expect(decision).toMatchObject({
      state: quiet({ revision: 5 }),
      entries: [],
      rejection: { code: 'stale_revision', revision: 5 },
    });
  });

  test.each([['clientId'], ['freelancerId']])('one with another %s', (party) => {
    for (const revision of [1, 2]) {
      expect(codeOf(decide(quiet(), report({ revision, [party]: 'user-8' }), SOON))).toBe('parties_immutable');
    }
  });

  test.each(['pending_requirements', 'in_progress', 'late', 'in_revision', 'delivered'] as const)(
    'one that says %s of an order that was cancelled by agreement',
    (status) => {
      expect(decide(CLOSED, report({ status }), SOON)).toMatchObject({
        state: CLOSED,
        entries: [],
        rejection: { code: 'order_closed' },
      });
    },
  );

  test.each(['completed', 'cancelled'] as const)(
    'but not one that says %s: it is taken in, and the order stays mutually_cancelled',
    (status) => {
      const decision = decide(CLOSED, report({ status }), SOON);
      expect(decision.rejection).toBeNull();
      expect(logOf(decision)).toEqual([{ type: 'order.details_changed', previous: { revision: 1 } }]);
      expect(orderOf(decision.state)).toMatchObject({
        status: 'mutually_cancelled',
        reportedStatus: status,
        revision: 2,
      });
    },
  );
});

describe('a report on an order without an open dispute', () => {
  test('changes the status, and says what it was', () => {
    const decision = decide(quiet(), report({ status: 'late' }), SOON);
    expect(orderOf(decision.state)).toMatchObject({
      status: 'late',
      reportedStatus: 'late',
      version: 1,
      updatedAt: SOON,
    });
    expect(decision.entries).toEqual([
      {
        type: 'order.status_changed',
        at: SOON,
        actor: ORDER_SERVICE,
        orderVersion: 1,
        comment: null,
        order: orderOf(decision.state),
        dispute: null,
        previous: { status: 'in_revision' },
        holdId: null,
        notification: null,
      },
    ]);
  });

  test('changes the date, and says what it was', () => {
    const decision = decide(quiet(), report({ deliverBy: T0 + 3 * DAY }), SOON);
    expect(orderOf(decision.state).deliverBy).toBe(T0 + 3 * DAY);
    expect(logOf(decision)).toEqual([{ type: 'order.delivery_date_changed', previous: { deliverBy: T0 + 10 * DAY } }]);
  });

  test('takes in price and title, and says what they were', () => {
    const facts = { price: { amount: 1, currency: 'EUR' }, title: 'Another', revision: 9 };
    const decision = decide(quiet(), report(facts), SOON);
    expect(orderOf(decision.state)).toEqual({ ...anOrder(), ...facts, version: 1, updatedAt: SOON });
    const previous = { title: 'A logo', price: { amount: 20_000, currency: 'USD' } };
    expect(logOf(decision)).toEqual([{ type: 'order.details_changed', previous }]);
  });

  test.each([
    ['title', { title: null }, { title: 'A logo' }],
    ['amount', { price: { amount: 1, currency: 'USD' } }, { price: { amount: 20_000, currency: 'USD' } }],
    ['currency', { price: { amount: 20_000, currency: 'JPY' } }, { price: { amount: 20_000, currency: 'USD' } }],
  ] as const)('names the %s alone where nothing else changed', (_what, over, previous) => {
    expect(logOf(decide(quiet(), report(over), SOON))).toEqual([{ type: 'order.details_changed', previous }]);
  });

  test('has an entry also where it changes the revision alone, which readers are shown', () => {
    expect(logOf(decide(quiet(), report({ revision: 9 }), SOON))).toEqual([
      { type: 'order.details_changed', previous: { revision: 1 } },
    ]);
  });

  test('tells of each change once, status and date before details', () => {
    const everything = { status: 'late', deliverBy: null, title: null } as const;
    expect(logOf(decide(quiet(), report(everything), SOON)).map(({ type }) => type)).toEqual([
      'order.status_changed',
      'order.delivery_date_changed',
      'order.details_changed',
    ]);
  });
});

describe('a date that the parties agreed on', () => {
  const agreed = ended('order_change', 'freelancer', 'accepted');

  test('stands when a report repeats the date from before', () => {
    const decision = decide(agreed, report({ status: 'late' }), T0 + 2 * HOUR);
    expect(orderOf(decision.state).deliverBy).toBe(T0 + 11 * DAY);
    expect(logOf(decision)).toEqual([{ type: 'order.status_changed', previous: { status: 'in_revision' } }]);
  });

  test('is not news when a report brings it', () => {
    const decision = decide(agreed, report({ deliverBy: T0 + 11 * DAY }), T0 + 2 * HOUR);
    expect(logOf(decision)).toEqual([{ type: 'order.details_changed', previous: { revision: 1 } }]);
    expect(orderOf(decision.state).reportedDeliverBy).toBe(T0 + 11 * DAY);
  });

  test.each([-999, -123, 123, 999])('stands when a report repeats either date but for %d ms', (ms) => {
    for (const deliverBy of [T0 + 10 * DAY + ms, T0 + 11 * DAY + ms]) {
      const decision = decide(agreed, report({ deliverBy }), T0 + 2 * HOUR);
      expect(orderOf(decision.state).deliverBy).toBe(T0 + 11 * DAY);
      expect(logOf(decision)).toEqual([{ type: 'order.details_changed', previous: { revision: 1 } }]);
    }
  });

  test.each([-1_000, 1_000])('gives way to a date that is %d ms from the one reported before', (ms) => {
    const decision = decide(agreed, report({ deliverBy: T0 + 10 * DAY + ms }), T0 + 2 * HOUR);
    expect(orderOf(decision.state).deliverBy).toBe(T0 + 10 * DAY + ms);
  });

  test('is not worn away by reports each of which is a little later than the one before', () => {
    const reports = [400, 800, 1_200].map((ms, index) =>
      report({ deliverBy: T0 + 10 * DAY + ms, revision: 2 + index }),
    );
    const [first, second, third] = reports.map((one) => [one, T0 + 2 * HOUR] as const);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three reports');
    expect(orderOf(stateAfter(agreed, first, second)).deliverBy).toBe(T0 + 11 * DAY);
    expect(orderOf(stateAfter(agreed, first, second, third)).deliverBy).toBe(T0 + 10 * DAY + 1_200);
  });

  test('gives way when a report brings a new one, be it none', () => {
    for (const deliverBy of [T0 + 12 * DAY, null]) {
      const decision = decide(agreed, report({ deliverBy }), T0 + 2 * HOUR);
      expect(orderOf(decision.state).deliverBy).toBe(deliverBy);
      expect(logOf(decision)).toEqual([
        { type: 'order.delivery_date_changed', previous: { deliverBy: T0 + 11 * DAY } },
      ]);
    }
  });
});

describe.each(REQUESTS)('a report while a %s of the %s is open', (type, opener) => {
  const before = opened(type, opener);

  test.each(['completed', 'cancelled'] as const)('%s supersedes it, and the order has that status', (status) => {
    const decision = decide(before, report({ status }), SOON);
    expect(disputeOf(decision.state)).toEqual({
      ...disputeOf(before),
      resolved: { resolution: 'superseded', by: ORDER_SERVICE, at: SOON },
      version: 2,
      updatedAt: SOON,
    });
    expect(orderOf(decision.state)).toMatchObject({ status, reportedStatus: status, revision: 2, extras: [] });
    expect(orderOf(decision.state).deliverBy).toBe(anOrder().deliverBy);
    expect(logOf(decision)).toEqual([
      { type: 'dispute.superseded', previous: null },
      { type: 'order.status_changed', previous: { status: 'in_dispute' } },
    ]);
    expect(decision.entries.map(({ orderVersion }) => orderVersion)).toEqual([3, 4]);
  });

  test.each(['pending_requirements', 'in_progress', 'late', 'in_revision'] as const)(
    '%s changes only what the order goes back to',
    (status) => {
      const decision = decide(before, report({ status }), SOON);
      expect(decision).toMatchObject({ rejection: null, state: { disputes: before.disputes } });
      const previous = status === 'in_revision' ? { revision: 1 } : { previousStatus: 'in_revision' };
      expect(logOf(decision)).toEqual([{ type: 'order.details_changed', previous }]);
      expect(decision.entries.map(({ dispute }) => dispute)).toEqual([null]);
      expect(orderOf(decision.state)).toMatchObject({ status: 'in_dispute', reportedStatus: status, revision: 2 });
      expect(orderOf(stateAfter(decision.state, [act('withdraw', opener), SOON + 1])).status).toBe(status);
    },
  );

  test(`delivered ${type === 'order_update' ? 'is the update' : 'leaves it open'}`, () => {
    const decision = decide(before, report({ status: 'delivered' }), SOON);
    const isUpdate = type === 'order_update';
    expect(disputeOf(decision.state).resolved).toEqual(
      isUpdate ? { resolution: 'answered', by: ORDER_SERVICE, at: SOON } : null,
    );
    expect(orderOf(decision.state).status).toBe(isUpdate ? 'delivered' : 'in_dispute');
    expect(decision.entries.map((entry) => entry.type)).toEqual(
      isUpdate ? ['dispute.answered', 'order.status_changed'] : ['order.details_changed'],
    );
  });

  test('a refused one leaves it alone', () => {
    for (const over of [{ revision: 0 }, { clientId: 'user-8' }]) {
      const decision = decide(before, report({ status: 'completed', ...over }), SOON);
      expect([decision.state, decision.entries]).toEqual([before, []]);
    }
  });
});

describe('silence that is due takes effect before the report', () => {
  test('an expired cancellation has closed the order to later reports', () => {
    const decision = decide(opened('cancellation', 'client'), report({ status: 'delivered' }), T0 + 48 * HOUR);
    expect(decision.rejection).toEqual({ code: 'order_closed' });
    expect(orderOf(decision.state)).toMatchObject({ status: 'mutually_cancelled', revision: 1 });
    expect(decision.entries.map(({ type }) => type)).toEqual(['dispute.expired', 'order.status_changed']);
  });

  test('a completion that comes too late does not supersede it', () => {
    const decision = decide(opened('cancellation', 'client'), report({ status: 'completed' }), T0 + 48 * HOUR);
    expect(decision.rejection).toBeNull();
    expect(disputeOf(decision.state).resolved?.resolution).toBe('expired');
    expect(orderOf(decision.state)).toMatchObject({ status: 'mutually_cancelled', reportedStatus: 'completed' });
  });

  test('a delivery that comes too late is no update', () => {
    const decision = decide(opened('order_update', 'client'), report({ status: 'delivered' }), T0 + 48 * HOUR);
    expect(disputeOf(decision.state).resolved).toMatchObject({ resolution: 'expired', by: { role: 'system' } });
    expect(logOf(decision)).toEqual([
      { type: 'dispute.expired', previous: null },
      { type: 'order.status_changed', previous: { status: 'in_dispute' } },
      { type: 'order.status_changed', previous: { status: 'in_revision' } },
    ]);
    expect(decision.entries.map(({ orderVersion }) => orderVersion)).toEqual([3, 4, 5]);
  });

  test('a repeated report still lets it take effect', () => {
    const decision = decide(opened('order_update', 'client'), report({ revision: 1 }), T0 + 48 * HOUR);
    expect(decision.rejection).toBeNull();
    expect(disputeOf(decision.state).resolved?.resolution).toBe('expired');
    expect(decision.entries).toHaveLength(2);
  });
});
