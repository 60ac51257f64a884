import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Command } from '../../../src/domain/commands.ts';
import { decide } from '../../../src/domain/decide.ts';
import { DISPUTE_ACTIONS, ROLES, type Role } from '../../../src/domain/rules.ts';
import { type Instant, loggedDispute, loggedOrder, REPORTED_STATUSES, type State } from '../../../src/domain/state.ts';
import { asSeenAt, type Step } from '../../../src/domain/transition.ts';
import {
  presentDispute,
  presentEventDispute,
  presentEventOrder,
  presentOrder,
} from '../../../src/http/present/disputes.ts';
import { Dispute } from '../../../src/http/schemas/disputes.ts';
import { Order } from '../../../src/http/schemas/orders.ts';
import {
  act,
  after,
  DAY,
  HOUR,
  notified,
  open,
  opened,
  orderOf,
  quiet,
  REQUESTS,
  report,
  seenBy,
  T0,
  WINDOW,
} from '../../domain/builders.ts';

/** What stays as it was when the order was first reported or the dispute was opened. */
const FIXED: readonly string[] = [
  ...['id', 'clientId', 'freelancerId', 'createdAt', 'livemode'].map((field) => `order.${field}`),
  ...['id', 'orderId', 'type', 'reason', 'openedAt', 'order.id'].map((field) => `dispute.${field}`),
  ...['opener.role', 'opener.id', 'respondent.role', 'respondent.id'].map((field) => `dispute.${field}`),
  ...['livemode', 'onExpiry.action', 'onExpiry.orderStatus', 'change.deliverBy', 'change.extras'].map(
    (field) => `dispute.${field}`,
  ),
  'dispute.viewer.role',
  // The mode of the deployment.
  ...['order.livemode', 'dispute.livemode'],
  // No report of these tests names a test clock.
  'order.testClockId',
  // Only an erasure takes it away, which the timeline shows as `commentErasedAt`.
  'dispute.comment',
];

/** What tells when the answer was made, and no fact about the order or the dispute. */
const CLOCK = /\bserverTime$/;

/** The fields of a schema, nested ones with dots between; what is in a list counts as one field. */
function fieldsOf(schema: unknown, path: string): string[] {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) return fieldsOf(schema.unwrap(), path);
  if (!(schema instanceof z.ZodObject)) return [path];
  return Object.entries(schema.shape).flatMap(([name, inner]) => fieldsOf(inner, `${path}.${name}`));
}

const FIELDS = [...fieldsOf(Order, 'order'), ...fieldsOf(Dispute, 'dispute')].filter((field) => !CLOCK.test(field));

function valueAt(view: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => {
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  }, view);
}

/** The views of an order and of its newest dispute, as one reader sees them. */
function viewsOf(state: State, role: Role | null, now: Instant) {
  const seen = asSeenAt(state, now);
  const order = orderOf(seen);
  const dispute = seen.disputes.at(-1);
  return {
    order: presentOrder(order, seen.disputes, now),
    dispute: dispute === undefined ? undefined : presentDispute(dispute, order, role, now),
  };
}

/** The fields of which some reader sees another value in the second state than in the first. */
function changedFields(before: State, beforeAt: Instant, after: State, now: Instant): string[] {
  // A new dispute is no change of the one that was there before.
  const isNew = after.disputes.length > before.disputes.length;
  const pairs = [...ROLES, null].map((role) => [viewsOf(before, role, beforeAt), viewsOf(after, role, now)]);
  return FIELDS.filter((field) => {
    if (isNew && field.startsWith('dispute.')) return false;
    return pairs.some((pair) => {
      const [old, young] = pair.map((views) => JSON.stringify(valueAt(views, field)));
      return old !== young;
    });
  });
}

const SITUATIONS: readonly State[] = [
  quiet(),
  quiet({ deliverBy: null, reportedDeliverBy: null, title: null }),
  ...REQUESTS.map(([type, role]) => opened(type, role)),
  after(quiet(), [open('cancellation', 'client', { remindersMs: [WINDOW.cancellation - 2 * HOUR] }), T0]),
  ...REQUESTS.map(([type, role]) => decide(opened(type, role), act('withdraw', role), T0 + HOUR).state),
  ...REQUESTS.map(([type, role]) => ({
    ...opened(type, role),
    holds: [{ id: 'hold-1', type: null, orderIds: null, from: T0 + HOUR, until: T0 + 2 * HOUR }],
  })),
  ...REQUESTS.map(([type, role]) => ({
    ...opened(type, role),
    holds: [{ id: 'hold-1', type: null, orderIds: null, from: T0 + HOUR, until: null }],
  })),
];

const reporting: fc.Arbitrary<Command> = fc
  .record({
    status: fc.constantFrom(...REPORTED_STATUSES),
    deliverBy: fc.constantFrom(null, T0 + 10 * DAY, T0 + 10 * DAY + 1, T0 + 20 * DAY),
    price: fc.record({ amount: fc.constantFrom(20_000, 1), currency: fc.constantFrom('USD', 'JPY') }),
    title: fc.constantFrom(null, 'A logo', 'Another'),
    revision: fc.constantFrom(1, 2, 3),
  })
  .map((over) => report(over));

const acting: fc.Arbitrary<Command> = fc
  .tuple(fc.constantFrom(...DISPUTE_ACTIONS), fc.constantFrom(...ROLES))
  .map(([action, role]) => act(action, role));

const noticing: fc.Arbitrary<Command> = fc.oneof(
  fc.constantFrom(...ROLES).map((role) => seenBy(role)),
  fc.constantFrom(...ROLES).map((role) => notified(role, 'email', T0 + HOUR)),
);

const opening: fc.Arbitrary<Command> = fc
  .constantFrom(...REQUESTS)
  .map(([type, role]) => open(type, role, { disputeId: 'dispute-2' }));

/** Any situation, and what one of the callers does in it a while later: mostly before a deadline, sometimes behind it. */
const steps = fc.tuple(
  fc.constantFrom(...SITUATIONS),
  fc.oneof({ weight: 3, arbitrary: reporting }, { weight: 2, arbitrary: acting }, noticing, opening),
  fc.constantFrom(3 * HOUR, 4 * HOUR, WINDOW.cancellation + DAY),
);

interface Played extends Step {
  readonly before: State;
  readonly now: Instant;
}

function play(state: State, command: Command, afterMs: number): Played | null {
  const isPossible = !('disputeId' in command) || command.kind === 'open_dispute' || state.disputes.length > 0;
  if (!isPossible) return null;
  const now = T0 + afterMs;
  const { state: after, entries } = decide(state, command, now);
  return { before: state, now, state: after, entries };
}

describe('every change that a reader can see has a log entry', () => {
  test('by any caller and any command, in any situation', () => {
    fc.assert(
      fc.property(steps, ([state, command, afterMs]) => {
        const played = play(state, command, afterMs);
        if (played === null || played.entries.length > 0) return;
        expect(changedFields(played.before, played.now, played.state, played.now)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('and each field of the two views, but for those that never change, is seen to change with one', () => {
    const seen = new Set<string>();
    for (const [state, command, afterMs] of fc.sample(steps, { numRuns: 600, seed: 1 })) {
      const played = play(state, command, afterMs);
      if (played === null) continue;
      for (const field of changedFields(played.before, T0 + HOUR, played.state, played.now)) seen.add(field);
    }
    expect(new Set(FIELDS.filter((field) => !seen.has(field)))).toEqual(new Set(FIXED));
  });

  test('and the last of its entries shows what a read shows', () => {
    fc.assert(
      fc.property(steps, ([state, command, afterMs]) => {
        const played = play(state, command, afterMs);
        const entry = played?.entries.at(-1);
        if (played === null || entry === undefined) return;
        const { order } = viewsOf(played.state, null, played.now);
        const { etag, extrasCount, ...told } = presentEventOrder(loggedOrder(entry.order));
        expect(order.extras).toHaveLength(extrasCount);
        expect(order).toMatchObject(told);
        expect(order.etag.startsWith(etag.slice(0, -1))).toBe(true);
        if (entry.dispute === null) return;
        const dispute = viewsOf({ ...played.state, disputes: [entry.dispute] }, null, played.now).dispute;
        const { etag: disputeTag, ...toldOfDispute } = presentEventDispute(loggedDispute(entry.dispute), entry.order);
        expect(dispute).toMatchObject(toldOfDispute);
        expect(dispute?.etag.startsWith(disputeTag.slice(0, -1))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
