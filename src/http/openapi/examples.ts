import type { FeedRow } from '../../application/feed/feed.ts';
import type { Command, EntryType } from '../../domain/commands.ts';
import { decide } from '../../domain/decide.ts';
import type { DisputeAction } from '../../domain/rules.ts';
import {
  type Hold,
  type Instant,
  loggedDispute,
  loggedOrder,
  type Party,
  type ReportedStatus,
} from '../../domain/state.ts';
import { applyDue, type Step } from '../../domain/transition.ts';

// The story of one order, told by the rules themselves, so that no example says what cannot happen.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const REPORTED_AT = Date.parse('2026-11-10T06:00:00.000Z');
const DELIVER_BY = Date.parse('2026-11-09T17:00:00.000Z');
const OPENED_AT = Date.parse('2026-11-23T10:00:00.000Z');
const ACTED_AT = OPENED_AT + 3 * HOUR_MS;
const WINDOW_MS = 2 * DAY_MS;
const REMINDER_MS = DAY_MS;

const ORDER_ID = 'order-1001';
const DISPUTE_ID = '01a207d9-2100-7c1e-9b52-4f0e8a6d2c11';
const EVENT_ID = '01a207d9-2100-7a84-8e07-d1c95b3f7a20';
const HOLD_ID = '01a20810-0f80-7d42-a3c8-5e9f1d6b4a33';
const FIRST_SEQ = 4_710;

const CLIENT: Party = { role: 'client', id: 'user-7' };
const FREELANCER: Party = { role: 'freelancer', id: 'user-9' };

function report(status: ReportedStatus, revision: number): Command {
  return {
    kind: 'report_order',
    precondition: null,
    exclusion: null,
    actor: { role: 'order_service', id: 'order-service' },
    clock: null,
    report: {
      orderId: ORDER_ID,
      clientId: CLIENT.id,
      freelancerId: FREELANCER.id,
      status,
      deliverBy: DELIVER_BY,
      price: { amount: 15_000, currency: 'USD' },
      title: 'Logo design',
      livemode: true,
      testClockId: null,
      revision,
    },
  };
}

const opening = {
  kind: 'open_dispute',
  precondition: null,
  disputeId: DISPUTE_ID,
  windowMs: WINDOW_MS,
  cooldownMs: 0,
  remindersMs: [REMINDER_MS],
} as const;

const cancel: Command = {
  ...opening,
  actor: CLIENT,
  type: 'cancellation',
  reason: 'late_delivery',
  comment: 'Two weeks late.',
  change: null,
};
const askForUpdate: Command = {
  ...opening,
  actor: CLIENT,
  type: 'order_update',
  reason: null,
  comment: null,
  change: null,
};
const askForMore: Command = {
  ...opening,
  actor: FREELANCER,
  type: 'order_change',
  reason: null,
  comment: null,
  change: {
    deliverBy: DELIVER_BY + 21 * DAY_MS,
    extras: [{ title: 'Source files', price: { amount: 1_500, currency: 'USD' } }],
  },
};

function act(kind: DisputeAction, actor: Party): Command {
  const comment = 'The first draft is ready.';
  return { kind, actor, disputeId: DISPUTE_ID, precondition: null, comment } as Command;
}

const seen: Command = { kind: 'mark_seen', precondition: null, actor: FREELANCER, disputeId: DISPUTE_ID };
const notified: Command = {
  kind: 'record_notice',
  precondition: null,
  actor: { role: 'notifier', id: 'mail-service' },
  disputeId: DISPUTE_ID,
  notification: { role: 'freelancer', channel: 'email', at: OPENED_AT + 4_000 },
};

const NOTHING: Step = { state: { order: null, disputes: [], holds: [] }, entries: [] };

function tell(before: Step, command: Command, at: Instant): Step {
  const { state, entries, rejection } = decide(before.state, command, at);
  if (rejection !== null) throw new Error(`an example breaks a rule: ${rejection.code}`);
  return { state, entries };
}

const reported = tell(NOTHING, report('late', 1), REPORTED_AT);
const opened = (command: Command) => tell(reported, command, OPENED_AT);
const answered = (command: Command, action: DisputeAction, actor: Party) =>
  tell(opened(command), act(action, actor), ACTED_AT);

function held(): Step {
  const hold: Hold = { id: HOLD_ID, type: null, orderIds: null, from: OPENED_AT + HOUR_MS, until: ACTED_AT };
  return applyDue({ ...opened(cancel).state, holds: [hold] }, ACTED_AT);
}

/** How each type of event comes about. */
const STORIES: Readonly<Record<EntryType, () => Step>> = {
  'dispute.opened': () => opened(cancel),
  'dispute.accepted': () => answered(cancel, 'accept', FREELANCER),
  'dispute.declined': () => answered(cancel, 'decline', FREELANCER),
  'dispute.answered': () => answered(askForUpdate, 'provide_update', FREELANCER),
  'dispute.withdrawn': () => answered(cancel, 'withdraw', CLIENT),
  'dispute.expired': () => applyDue(opened(cancel).state, OPENED_AT + WINDOW_MS),
  'dispute.superseded': () => tell(opened(cancel), report('completed', 2), ACTED_AT),
  'dispute.comment_added': () => answered(cancel, 'add_comment', FREELANCER),
  'dispute.deadline_shifted': held,
  'dispute.reminder_due': () => applyDue(opened(cancel).state, OPENED_AT + WINDOW_MS - REMINDER_MS),
  'dispute.seen': () => tell(opened(cancel), seen, ACTED_AT),
  'dispute.notified': () => tell(opened(cancel), notified, ACTED_AT),
  'order.status_changed': () => opened(cancel),
  'order.delivery_date_changed': () => answered(askForMore, 'accept', CLIENT),
  'order.extras_added': () => answered(askForMore, 'accept', CLIENT),
  'order.details_changed': () => tell(opened(cancel), report('delivered', 2), ACTED_AT),
};

/** A realistic entry of the log of a type, always the same. */
export function exampleRow(type: EntryType): FeedRow {
  const entry = STORIES[type]().entries.find((candidate) => candidate.type === type);
  if (entry === undefined) throw new Error(`the example of ${type} does not come about`);
  return {
    id: EVENT_ID,
    seq: FIRST_SEQ + entry.orderVersion,
    type,
    occurredAt: entry.at,
    orderId: entry.order.id,
    orderVersion: entry.orderVersion,
    disputeId: entry.dispute?.id ?? null,
    actorRole: entry.actor.role,
    actorId: 'id' in entry.actor ? entry.actor.id : null,
    cause: entry.actor.role === 'system' ? 'deadline' : 'request:0b1c5f1e',
    comment: entry.comment,
    commentErasedAt: null,
    traceParent: null,
    data: {
      order: loggedOrder(entry.order),
      dispute: entry.dispute === null ? null : loggedDispute(entry.dispute),
      previous: entry.previous,
      ...(entry.notification !== null && { notification: entry.notification }),
    },
  };
}
