import { describe, expect, test } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import { LIMITS } from '../../src/domain/rules.ts';
import type { State } from '../../src/domain/state.ts';
import { act, anOrder, CHANGE, DAY, open, orderOf, PARTY, T0 } from './builders.ts';

const quiet = (over: Parameters<typeof anOrder>[0] = {}): State => ({
  order: anOrder(over),
  disputes: [],
  holds: [],
});

const disputeId = 'dispute-1';
const withdraw = { kind: 'withdraw', actor: PARTY.client, disputeId, precondition: null, comment: null } as const;
const say = { kind: 'add_comment', actor: PARTY.client, disputeId, precondition: null, comment: 'Well?' } as const;

/** Opens and withdraws disputes at one instant. */
function openAndWithdraw(state: State, times: number, now: number): State {
  let current = state;
  for (let n = 0; n < times; n += 1) {
    const opened = decide(current, open('order_update', 'client'), now);
    expect(opened.rejection).toBeNull();
    current = { ...decide(opened.state, withdraw, now).state, disputes: [] };
  }
  return current;
}

describe('what one order or dispute collects is bounded', () => {
  test('the comments of a dispute: the last one is taken, the next one is not, and the dispute can still be answered', () => {
    let { state } = decide(quiet(), open('order_update', 'client'), T0);
    for (let n = 0; n < LIMITS.comments; n += 1) {
      const said = decide(state, say, T0);
      expect(said.rejection).toBeNull();
      state = said.state;
    }
    expect(decide(state, say, T0).rejection).toEqual({ code: 'comment_limit_reached' });
    expect(decide(state, withdraw, T0).rejection).toBeNull();
  });

  test('the extras of an order: what fills it is taken, one more is not', () => {
    const extra = CHANGE.extras[0];
    if (extra === undefined) throw new Error('the change has no extra');
    const ask = (had: number, more: number) =>
      decide(
        quiet({ extras: Array.from({ length: had }, () => extra) }),
        open('order_change', 'freelancer', {
          change: { deliverBy: null, extras: Array.from({ length: more }, () => extra) },
        }),
        T0,
      ).rejection;
    expect(ask(LIMITS.orderExtras - 3, 3)).toBeNull();
    expect(ask(LIMITS.orderExtras - 3, 4)).toEqual({
      code: 'invalid_change',
      pointer: '/change/extras',
      fault: { code: 'too_long', maximum: 3 },
    });
    expect(ask(LIMITS.orderExtras, 1)).toMatchObject({ fault: { code: 'too_long', maximum: 0 } });
  });

  test('the disputes that one opener opens on an order within a day', () => {
    const state = openAndWithdraw(quiet(), LIMITS.openings, T0);
    const again = (now: number, role: 'client' | 'freelancer' = 'client') =>
      decide(state, open(role === 'client' ? 'order_update' : 'cancellation', role), now).rejection;
    expect(again(T0)).toEqual({ code: 'dispute_limit_reached', availableAt: T0 + DAY });
    expect(again(T0 + DAY - 1)).toEqual({ code: 'dispute_limit_reached', availableAt: T0 + DAY });
    expect(again(T0 + DAY)).toBeNull();
    expect(again(T0, 'freelancer')).toBeNull();
  });

  test('it is the tenth last opening that has to be a day old', () => {
    const first = openAndWithdraw(quiet(), 1, T0);
    const state = openAndWithdraw(first, LIMITS.openings - 1, T0 + 1_000);
    expect(decide(state, open('order_update', 'client'), T0 + 2_000).rejection).toMatchObject({
      availableAt: T0 + DAY,
    });
    const next = openAndWithdraw(state, 1, T0 + DAY);
    expect(decide(next, open('order_update', 'client'), T0 + DAY).rejection).toMatchObject({
      availableAt: T0 + DAY + 1_000,
    });
    expect(orderOf(next).openings).toHaveLength(LIMITS.openings);
  });

  test('all disputes of an order, for which waiting does not help', () => {
    const at = (disputeCount: number) =>
      decide(quiet({ disputeCount }), open('order_update', 'client'), T0 + DAY).rejection;
    expect(at(LIMITS.disputes - 1)).toBeNull();
    expect(at(LIMITS.disputes)).toEqual({ code: 'dispute_limit_reached', availableAt: null });
  });
});

describe('after a decline', () => {
  const HOUR_MS = 3_600_000;
  const cooldownMs = 48 * HOUR_MS;
  const declined = () => {
    const opened = decide(quiet(), open('cancellation', 'client', { cooldownMs }), T0).state;
    return decide(opened, act('decline', 'freelancer'), T0 + HOUR_MS).state;
  };
  const again = (type: 'cancellation' | 'order_update', role: 'client' | 'freelancer', now: number) =>
    decide(declined(), open(type, role, { cooldownMs, disputeId: 'dispute-9' }), now).rejection;

  test('the same opener waits for the cooldown before the same request, and not a millisecond longer', () => {
    const availableAt = T0 + HOUR_MS + cooldownMs;
    expect(again('cancellation', 'client', availableAt - 1)).toEqual({ code: 'cooldown_active', availableAt });
    expect(again('cancellation', 'client', availableAt)).toBeNull();
  });

  test('another request and the other party do not wait', () => {
    expect(again('order_update', 'client', T0 + 2 * HOUR_MS)).toBeNull();
    expect(again('cancellation', 'freelancer', T0 + 2 * HOUR_MS)).toBeNull();
  });
});
