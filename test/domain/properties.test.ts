import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/domain/commands.ts';
import { type Decision, decide } from '../../src/domain/decide.ts';
import { DISPUTE_ACTIONS, DISPUTE_TYPES, type DisputeType, ROLES } from '../../src/domain/rules.ts';
import {
  type Instant,
  openDisputeOf,
  REPORTED_STATUSES,
  type ReportedStatus,
  type State,
} from '../../src/domain/state.ts';
import { applyDue } from '../../src/domain/transition.ts';
import { act, DAY, freeze, HOUR, notified, open, orderOf, report, seenBy, T0 } from './builders.ts';

/** One turn of a history: how far the clock moves, and what is then tried. */
interface Turn {
  readonly wait: number | 'until just before respondBy' | 'until respondBy';
  readonly command: (turn: number, state: State) => Command;
}

interface Played {
  readonly before: State;
  readonly command: Command;
  readonly now: Instant;
  readonly decision: Decision;
}

const newest = (state: State): string => state.disputes.at(-1)?.id ?? '';
const role = fc.constantFrom(...ROLES);

// A changed order can be changed again, so changes are frequent: only a second one shows what became of the first.
const opening = fc
  .tuple(fc.constantFrom(...DISPUTE_TYPES, ...Array<DisputeType>(3).fill('order_change')), role)
  .map(([type, who]) => (turn: number, state: State) => {
    const deliverBy = (state.order?.deliverBy ?? T0) + 400 * DAY;
    const change =
      type === 'order_change'
        ? { deliverBy, extras: [{ title: `Extra ${turn}`, price: { amount: turn, currency: 'USD' } }] }
        : null;
    return open(type, who, { disputeId: `dispute-${turn}`, change, remindersMs: [24 * HOUR, 2 * HOUR] });
  });

const acting = fc
  .tuple(fc.constantFrom(...DISPUTE_ACTIONS, 'accept' as const), role, fc.constantFrom('Words.', 'Words.', null))
  .map(
    ([action, who, comment]) =>
      (_turn: number, state: State) =>
        act(action, who, { disputeId: newest(state), comment: action === 'add_comment' ? 'Words.' : comment }),
  );

const noticing = fc
  .tuple(fc.constantFrom('seen', 'email', 'push'), role)
  .map(([what, who]) => (_turn: number, state: State) => {
    const news = what === 'seen' ? seenBy(who) : notified(who, what, state.disputes.at(-1)?.openedAt ?? T0);
    return { ...news, disputeId: newest(state) };
  });

const reporting = fc
  .record({
    // Terminal statuses end a history, so they are rare.
    status: fc.constantFrom<ReportedStatus>(
      ...Array(4).fill(REPORTED_STATUSES.slice(0, 5)).flat(),
      'completed',
      'cancelled',
    ),
    step: fc.constantFrom(1, 1, 1, 0, -1),
    deliverBy: fc.option(fc.constantFrom(T0 + 10 * DAY, T0 + 20 * DAY)),
  })
  .map(
    ({ status, step, deliverBy }) =>
      (_turn: number, state: State) =>
        report({ status, deliverBy, revision: (state.order?.revision ?? 0) + step }),
  );

const turn: fc.Arbitrary<Turn> = fc.record({
  wait: fc.oneof(
    { arbitrary: fc.integer({ min: 0, max: 12 * HOUR }), weight: 4 },
    { arbitrary: fc.constantFrom('until just before respondBy' as const, 'until respondBy' as const), weight: 1 },
  ),
  command: fc.oneof(
    { arbitrary: opening, weight: 4 },
    { arbitrary: acting, weight: 4 },
    { arbitrary: noticing, weight: 1 },
    { arbitrary: reporting, weight: 2 },
  ),
});

/** Without its size said, an array would have five turns on average, in which little can go wrong. */
const histories = fc.array(turn, { maxLength: 40, size: 'max' });

function moved(now: Instant, wait: Turn['wait'], state: State): Instant {
  if (typeof wait === 'number') return now + wait;
  const respondBy = openDisputeOf(state)?.respondBy ?? now;
  return Math.max(now, wait === 'until respondBy' ? respondBy : respondBy - 1);
}

/** Plays a history on a virtual clock, with everything frozen, so that a decision that writes into its inputs throws. */
function play(turns: readonly Turn[]): Played[] {
  let state = freeze(decide({ order: null, disputes: [], holds: [] }, report({ revision: 1 }), T0).state);
  let now = T0;
  return turns.map(({ wait, command: make }, index) => {
    now = moved(now, wait, state);
    const before = state;
    const command = make(index, before);
    const usable = command.kind === 'report_order' || command.kind === 'open_dispute' || before.disputes.length > 0;
    const played = freeze(usable ? command : report({ revision: 0 }));
    const decision = freeze(decide(before, played, now));
    state = decision.state;
    return { before, command: played, now, decision };
  });
}

function holds(check: (history: readonly Played[]) => void): void {
  fc.assert(
    fc.property(histories, (turns) => check(play(turns))),
    // Time ends also the search for the smallest history that fails, which could outlast every patience.
    { numRuns: 300, interruptAfterTimeLimit: 20_000 },
  );
}

describe('in every history', () => {
  test('an order has at most one open dispute, and is in_dispute exactly while it has one', () => {
    holds((history) => {
      for (const { decision } of history) {
        const openOnes = decision.state.disputes.filter(({ resolved }) => resolved === null);
        expect(openOnes.length).toBeLessThanOrEqual(1);
        expect(orderOf(decision.state).status === 'in_dispute').toBe(openOnes.length === 1);
      }
    });
  });

  test('the log counts on without gaps, and so does every dispute', () => {
    holds((history) => {
      const entries = history.flatMap(({ decision }) => decision.entries);
      expect(entries.map(({ orderVersion }) => orderVersion)).toEqual(entries.map((_, index) => index + 1));
      for (const entry of entries) expect(entry.order.version).toBe(entry.orderVersion);
      const last = history.at(-1)?.decision.state;
      expect(last === undefined ? 0 : orderOf(last).version).toBe(entries.length);
      for (const { id, version } of last?.disputes ?? []) {
        const own = entries.filter(({ dispute, type }) => dispute?.id === id && type.startsWith('dispute.'));
        expect(own.map(({ dispute }) => dispute?.version)).toEqual(own.map((_, index) => index + 1));
        expect(version).toBe(own.length);
      }
    });
  });

  test('a resolved dispute never changes again', () => {
    holds((history) => {
      for (const { before, decision } of history) {
        for (const dispute of before.disputes.filter(({ resolved }) => resolved !== null)) {
          expect(decision.state.disputes).toContainEqual(dispute);
        }
        expect(decision.state.disputes.length).toBeGreaterThanOrEqual(before.disputes.length);
      }
    });
  });

  test('a dispute is ended by silence from respondBy on, and by anything else only before', () => {
    holds((history) => {
      for (const { decision, now } of history) {
        expect(openDisputeOf(decision.state)?.respondBy ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now);
        for (const { resolved, respondBy } of decision.state.disputes) {
          if (resolved !== null) expect(resolved.resolution === 'expired').toBe(resolved.at >= respondBy);
        }
      }
    });
  });

  test('an order without an open dispute has the status that was reported last, unless it was cancelled by one', () => {
    holds((history) => {
      let reported = 'in_revision';
      for (const { command, decision } of history) {
        if (command.kind === 'report_order' && decision.rejection === null) reported = command.report.status;
        const { state } = decision;
        const cancelled = state.disputes.some(
          ({ type, resolved }) =>
            type === 'cancellation' && (resolved?.resolution === 'accepted' || resolved?.resolution === 'expired'),
        );
        const quietStatus = cancelled ? 'mutually_cancelled' : reported;
        expect(orderOf(state).status).toBe(openDisputeOf(state) === null ? quietStatus : 'in_dispute');
      }
    });
  });

  test('the extras of an order are those of its accepted changes', () => {
    holds((history) => {
      for (const { decision } of history) {
        const accepted = decision.state.disputes.filter(({ resolved }) => resolved?.resolution === 'accepted');
        expect(orderOf(decision.state).extras).toEqual(accepted.flatMap(({ change }) => change?.extras ?? []));
      }
    });
  });

  test('settling again changes nothing, and settling first changes no decision', () => {
    holds((history) => {
      for (const { before, command, now, decision } of history) {
        const settled = applyDue(before, now);
        expect(applyDue(settled.state, now)).toMatchObject({ state: settled.state, entries: [] });
        const later = decide(settled.state, command, now);
        expect(later.state).toEqual(decision.state);
        expect(later.rejection).toEqual(decision.rejection);
        expect([...settled.entries, ...later.entries]).toEqual(decision.entries);
      }
    });
  });

  test('a refused command does nothing but what silence does', () => {
    holds((history) => {
      for (const { before, now, decision } of history) {
        if (decision.rejection === null) continue;
        expect({ state: decision.state, entries: decision.entries }).toEqual(applyDue(before, now));
      }
    });
  });

  test('the same state, command and instant give the same decision', () => {
    holds((history) => {
      for (const { before, command, now, decision } of history) expect(decide(before, command, now)).toEqual(decision);
    });
  });
});

test('the histories reach every resolution and every kind of refusal that a history can meet', () => {
  const seen = new Set<string>();
  for (const turns of fc.sample(histories, { numRuns: 400, seed: 1 })) {
    for (const { decision } of play(turns)) {
      if (decision.rejection !== null) seen.add(decision.rejection.code);
      for (const { resolved } of decision.state.disputes) if (resolved !== null) seen.add(resolved.resolution);
    }
  }
  const resolutions = ['accepted', 'declined', 'answered', 'withdrawn', 'expired', 'superseded'];
  const refusals = ['action_not_allowed', 'not_respondent', 'not_opener', 'dispute_already_open', 'dispute_not_open'];
  const others = [
    'response_window_closed',
    'order_not_disputable',
    'stale_revision',
    'order_closed',
    'comment_required',
  ];
  expect([...seen]).toEqual(expect.arrayContaining([...resolutions, ...refusals, ...others]));
});
