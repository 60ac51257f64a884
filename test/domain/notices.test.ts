import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import { LIMITS, RESOLUTIONS, ROLES } from '../../src/domain/rules.ts';
import { noticeOf, type State } from '../../src/domain/state.ts';
import { applyDue } from '../../src/domain/transition.ts';
import {
  act,
  after,
  codeOf,
  disputeOf,
  ended,
  HOUR,
  logOf,
  NOTIFIER,
  notified,
  open,
  opened,
  orderOf,
  PARTY,
  quiet,
  seenBy,
  T0,
} from './builders.ts';

const state = opened('cancellation', 'client');
const DEADLINE = T0 + 48 * HOUR;
const SKEW = 60_000;
const known = (from: State) => noticeOf(disputeOf(from));
/** The state once something was recorded, an hour after the opening. */
const recorded = (from: State, ...news: readonly Command[]) =>
  after(from, ...news.map((one) => [one, T0 + HOUR] as const));
const NOTHING = { remindedAt: null, notifiedAt: null, seenAt: null };

describe('a look at a dispute', () => {
  test('is recorded with its party, and tells its respondent from its opener', () => {
    const { entries, state: looked } = decide(state, seenBy('freelancer'), T0 + HOUR);
    expect(entries).toMatchObject([
      { type: 'dispute.seen', actor: PARTY.freelancer, previous: null, comment: null, notification: null },
    ]);
    expect(known(looked)).toEqual({ ...NOTHING, seenAt: T0 + HOUR });
    const byOpener = decide(state, seenBy('client'), T0 + HOUR);
    expect(byOpener.entries).toMatchObject([{ type: 'dispute.seen', actor: PARTY.client }]);
    expect(known(byOpener.state)).toEqual(NOTHING);
  });

  test('counts the first time, for each party', () => {
    const looked = recorded(state, seenBy('freelancer'));
    expect(decide(looked, seenBy('freelancer'), T0 + 2 * HOUR)).toMatchObject({ state: looked, entries: [] });
    expect(logOf(decide(looked, seenBy('client'), T0 + 2 * HOUR))).toEqual([{ type: 'dispute.seen', previous: null }]);
  });
});

describe('a notice', () => {
  test('says who was notified, how and when', () => {
    const { entries, state: told } = decide(state, notified('freelancer', 'email', T0 + 5), T0 + HOUR);
    expect(entries).toMatchObject([
      {
        type: 'dispute.notified',
        actor: NOTIFIER,
        at: T0 + HOUR,
        notification: { role: 'freelancer', channel: 'email', at: T0 + 5 },
      },
    ]);
    expect(known(told)).toEqual({ ...NOTHING, notifiedAt: T0 + 5 });
  });

  test('counts the first time on each channel, and the earliest of a party is when it was notified', () => {
    const mailed = recorded(state, notified('freelancer', 'email', T0 + 500));
    expect(decide(mailed, notified('freelancer', 'email', T0 + 5), T0 + HOUR)).toMatchObject({ entries: [] });
    const pushed = recorded(mailed, notified('freelancer', 'push', T0 + 50));
    expect(known(pushed).notifiedAt).toBe(T0 + 50);
  });

  test('of the opener is recorded, and is none of the respondent', () => {
    const told = recorded(state, notified('client', 'email', T0 + 5));
    expect([disputeOf(told).notices.length, known(told)]).toEqual([1, NOTHING]);
  });

  test.each([
    ['from the future', T0 + HOUR + SKEW + 1, { latest: T0 + HOUR }],
    ['from before the dispute', T0 - SKEW - 1, { earliest: T0 }],
  ])('%s is refused', (_name, at, fault) => {
    const { rejection, entries } = decide(state, notified('freelancer', 'email', at), T0 + HOUR);
    expect([rejection, entries]).toEqual([{ code: 'validation_failed', pointer: '/deliveredAt', fault }, []]);
  });

  test.each([
    ['ahead', T0 + HOUR + SKEW, T0 + HOUR],
    ['behind', T0 - SKEW, T0],
  ])('of a clock that is a minute %s is taken for the bound', (_name, at, bound) => {
    expect(known(recorded(state, notified('freelancer', 'email', at))).notifiedAt).toBe(bound);
  });

  test.each([
    ['ahead', T0 + 9 * HOUR, T0 + HOUR],
    ['behind', T0 - 9 * HOUR, T0],
  ])('of real time that is %s of the test clock of its order is moved into bounds', (_name, at, bound) => {
    const onClock = opened('cancellation', 'client', { testClockId: 'clock-1' });
    expect(known(recorded(onClock, notified('freelancer', 'email', at))).notifiedAt).toBe(bound);
  });

  test('finds no room on more channels than there may be, for each party its own', () => {
    const channels = Array.from({ length: LIMITS.noticeChannels }, (_, index) => `channel-${index}`);
    const full = recorded(state, ...channels.map((channel) => notified('freelancer', channel, T0)));
    expect(codeOf(decide(full, notified('freelancer', 'another', T0), T0 + HOUR))).toBe('notice_limit_reached');
    expect(codeOf(decide(full, notified('freelancer', 'channel-3', T0), T0 + HOUR))).toBeNull();
    expect(codeOf(decide(full, notified('client', 'another', T0), T0 + HOUR))).toBeNull();
  });
});

describe('looks and notices', () => {
  const NEWS = ROLES.flatMap((role) => [
    ['a look', role, seenBy(role)] as const,
    ['a notice', role, notified(role, 'email', T0 + 5)] as const,
  ]);

  test.each(NEWS)('are facts on which no rule depends: %s of the %s changes no other answer', (_what, _role, news) => {
    const told = recorded(state, news);
    const { notices: _, version, updatedAt, ...rest } = disputeOf(told);
    const { notices: __, version: before, updatedAt: ___, ...same } = disputeOf(state);
    expect([rest, version, updatedAt]).toEqual([same, before + 1, T0 + HOUR]);
    expect(orderOf(told)).toEqual({ ...orderOf(state), version: orderOf(state).version + 1, updatedAt: T0 + HOUR });
    expect(logOf(decide(told, act('accept', 'freelancer'), DEADLINE - 1))).toEqual(
      logOf(decide(state, act('accept', 'freelancer'), DEADLINE - 1)),
    );
  });

  test.each(
    RESOLUTIONS.flatMap((resolution) => NEWS.map(([what, role, news]) => [what, role, resolution, news] as const)),
  )('%s of the %s changes nothing once the dispute is %s', (_what, _role, resolution, news) => {
    const over = ended(resolution === 'answered' ? 'order_update' : 'cancellation', 'client', resolution);
    expect(decide(over, news, T0 + 100 * HOUR)).toMatchObject({ state: over, entries: [], rejection: null });
  });

  test('come too late at respondBy: silence takes effect, and its entry says what was known', () => {
    const told = recorded(state, notified('freelancer', 'email', T0 + 5));
    const late = decide(told, seenBy('freelancer'), DEADLINE);
    expect([late.rejection, late.entries.map(({ type }) => type)]).toEqual([
      null,
      ['dispute.expired', 'order.status_changed'],
    ]);
    const expired = late.entries[0]?.dispute;
    expect(expired && noticeOf(expired)).toEqual({ ...NOTHING, notifiedAt: T0 + 5 });
  });

  test('are refused where the precondition does not hold, also where they would change nothing', () => {
    const precondition = () => false;
    for (const from of [state, ended('cancellation', 'client', 'declined')]) {
      expect(codeOf(decide(from, seenBy('freelancer', { precondition }), T0 + 2 * HOUR))).toBe('version_mismatch');
      const told = notified('freelancer', 'email', T0, { precondition });
      expect(codeOf(decide(from, told, T0 + 2 * HOUR))).toBe('version_mismatch');
    }
  });

  test('leave the deadline of a held dispute to its end where they change nothing', () => {
    const looked = recorded(state, seenBy('freelancer'));
    const hold = { id: 'hold-1', type: null, orderIds: null, from: T0 + 2 * HOUR, until: null };
    const held = { ...looked, holds: [hold] };
    expect(decide(held, seenBy('freelancer'), T0 + 3 * HOUR)).toMatchObject({ state: held, entries: [] });
  });
});

test('a reminder tells when its respondent was reminded last', () => {
  const waiting = after(quiet(), [open('cancellation', 'client', { remindersMs: [24 * HOUR, 2 * HOUR] }), T0]);
  const first = applyDue(waiting, DEADLINE - 24 * HOUR).state;
  expect(known(first).remindedAt).toBe(DEADLINE - 24 * HOUR);
  expect(known(applyDue(first, DEADLINE - 2 * HOUR).state).remindedAt).toBe(DEADLINE - 2 * HOUR);
});
