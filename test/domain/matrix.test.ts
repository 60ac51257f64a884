import { describe, expect, test } from 'vitest';
import { actionRefusal, openingRefusal } from '../../src/domain/actions.ts';
import type { Command } from '../../src/domain/commands.ts';
import { decide } from '../../src/domain/decide.ts';
import {
  ANSWERS,
  type Answer,
  DISPUTE_ACTIONS,
  DISPUTE_TYPES,
  type DisputeAction,
  type DisputeType,
  type OrderEffect,
  RESOLUTIONS,
  type Resolution,
  ROLES,
  type Role,
  ruleOf,
} from '../../src/domain/rules.ts';
import type { Instant, OrderStatus, State } from '../../src/domain/state.ts';
import { applyDue } from '../../src/domain/transition.ts';
import { act, CHANGE, codeOf, disputeOf, ended, HOUR, open, opened, orderOf, T0 } from './builders.ts';

/** The state of a dispute before a command. */
type Moment = 'just before respondBy' | 'at respondBy' | 'long after respondBy' | Resolution;
type Attempt = { readonly act: DisputeAction } | { readonly open: DisputeType };
interface Outcome {
  readonly code: string | null;
  readonly resolution: Resolution | null;
  readonly status: OrderStatus;
  readonly changed: boolean;
}

const ATTEMPTS: readonly Attempt[] = [
  ...DISPUTE_ACTIONS.map((action) => ({ act: action })),
  ...DISPUTE_TYPES.map((type) => ({ open: type })),
];
const OPEN_MOMENTS: readonly Moment[] = ['just before respondBy', 'at respondBy', 'long after respondBy'];
const ALWAYS: readonly Resolution[] = ['withdrawn', 'expired', 'superseded'];

const resolutionBy = (type: DisputeType, answer: Answer) => ruleOf(type).answers[answer]?.resolution;
const canEnd = (type: DisputeType, resolution: Resolution): boolean =>
  ALWAYS.includes(resolution) || ANSWERS.some((answer) => resolutionBy(type, answer) === resolution);

function isResolution(moment: Moment): moment is Resolution {
  return (RESOLUTIONS as readonly Moment[]).includes(moment);
}

function enter(type: DisputeType, opener: Role, moment: Moment): { state: State; now: Instant } {
  if (isResolution(moment)) return { state: ended(type, opener, moment), now: T0 + 100 * HOUR };
  const state = opened(type, opener);
  const offset = { 'just before respondBy': -1, 'at respondBy': 0, 'long after respondBy': 30 * 24 * HOUR }[moment];
  return { state, now: disputeOf(state).respondBy + offset };
}

function effectOf(type: DisputeType, resolution: Resolution): OrderEffect {
  const rule = ruleOf(type);
  if (resolution === 'expired') return rule.onExpiry.effect;
  return ANSWERS.map((answer) => rule.answers[answer]).find((row) => row?.resolution === resolution)?.effect ?? 'none';
}

/** Who may take each action, by the contract. */
const TAKEN_BY: Readonly<Record<DisputeAction, 'opener' | 'respondent' | 'both'>> = {
  accept: 'respondent',
  decline: 'respondent',
  provide_update: 'respondent',
  withdraw: 'opener',
  add_comment: 'both',
};

/** How everything stands before the attempt, by the table. */
function standing(type: DisputeType, moment: Moment): Outcome {
  const resolution = isResolution(moment) ? moment : moment === 'just before respondBy' ? null : 'expired';
  const effect = resolution === null ? 'none' : effectOf(type, resolution);
  const back = resolution === 'superseded' ? 'completed' : resolution === null ? 'in_dispute' : 'in_revision';
  const status = effect === 'cancel_order' ? 'mutually_cancelled' : back;
  return { code: null, resolution, status, changed: effect === 'apply_change' };
}

function refusalByTable(
  type: DisputeType,
  opener: Role,
  actor: Role,
  attempt: Attempt,
  before: Outcome,
): string | null {
  if ('open' in attempt) {
    if (ruleOf(attempt.open).opening[actor] === undefined) return 'action_not_allowed';
    if (before.status === 'completed' || before.status === 'mutually_cancelled') return 'order_not_disputable';
    return before.resolution === null ? 'dispute_already_open' : null;
  }
  const by = TAKEN_BY[attempt.act];
  if (by === 'respondent' && resolutionBy(type, attempt.act as Answer) === undefined) return 'action_not_allowed';
  if (by === 'respondent' && actor === opener) return 'not_respondent';
  if (by === 'opener' && actor !== opener) return 'not_opener';
  if (before.resolution === null) return null;
  return before.resolution === 'expired' ? 'response_window_closed' : 'dispute_not_open';
}

function byTable(type: DisputeType, opener: Role, actor: Role, attempt: Attempt, before: Outcome): Outcome {
  const code = refusalByTable(type, opener, actor, attempt, before);
  if (code !== null) return { ...before, code };
  if ('open' in attempt) return { ...before, status: 'in_dispute' };
  if (attempt.act === 'add_comment') return before;
  const resolution = attempt.act === 'withdraw' ? 'withdrawn' : (resolutionBy(type, attempt.act) ?? null);
  const effect = resolution === null ? 'none' : effectOf(type, resolution);
  const status = effect === 'cancel_order' ? 'mutually_cancelled' : 'in_revision';
  return { code, resolution, status, changed: effect === 'apply_change' };
}

const commandOf = (attempt: Attempt, actor: Role): Command =>
  'act' in attempt
    ? act(attempt.act, actor)
    : open(attempt.open, actor, {
        disputeId: 'dispute-2',
        change: attempt.open === 'order_change' ? { deliverBy: null, extras: CHANGE.extras } : null,
      });

const situations = DISPUTE_TYPES.flatMap((type) =>
  ROLES.filter((role) => ruleOf(type).opening[role] !== undefined).flatMap((opener) =>
    [...OPEN_MOMENTS, ...RESOLUTIONS.filter((resolution) => canEnd(type, resolution))].map(
      (moment) => [type, opener, moment] as const,
    ),
  ),
);
const attempts = ROLES.flatMap((actor) =>
  ATTEMPTS.map((attempt) => [actor, 'act' in attempt ? attempt.act : `open ${attempt.open}`, attempt] as const),
);

test('the matrix has every situation of every type', () => {
  expect([situations.length, attempts.length]).toEqual([31, 16]);
});

describe.each(situations)('%s of the %s, %s', (type, opener, moment) => {
  test.each(attempts)('%s: %s', (actor, _name, attempt) => {
    const { state, now } = enter(type, opener, moment);
    const decision = decide(state, commandOf(attempt, actor), now);
    const outcome: Outcome = {
      code: codeOf(decision),
      resolution: disputeOf(decision.state).resolved?.resolution ?? null,
      status: orderOf(decision.state).status,
      changed: orderOf(decision.state).extras.length > 0,
    };
    expect(outcome).toEqual(byTable(type, opener, actor, attempt, standing(type, moment)));
  });

  test.each(attempts)('%s: %s is shown as blocked by what would refuse it', (actor, _name, attempt) => {
    const { state, now } = enter(type, opener, moment);
    const settled = applyDue(state, now).state;
    const shown =
      'act' in attempt
        ? actionRefusal(orderOf(settled), disputeOf(settled), attempt.act, actor, now)
        : openingRefusal(settled, { type: attempt.open, role: actor, cooldownMs: 0 }, now);
    expect(shown).toEqual(decide(state, commandOf(attempt, actor), now).rejection);
  });
});

test.each(DISPUTE_ACTIONS)(
  'no party may %s on an overdue dispute, not even before its expiry was written',
  (action) => {
    const state = opened('cancellation', 'client');
    const dispute = disputeOf(state);
    for (const role of ROLES) {
      expect(actionRefusal(orderOf(state), dispute, action, role, dispute.respondBy)).not.toBeNull();
    }
  },
);
