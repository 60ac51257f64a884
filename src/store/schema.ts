import { bigint, boolean, integer, jsonb, pgTable, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core';
import type { EntryType, Previous } from '../domain/commands.ts';
import type { DisputeType, Resolution, Role } from '../domain/rules.ts';
import type {
  Actor,
  Change,
  Declined,
  Extra,
  LoggedDispute,
  LoggedOrder,
  Notice,
  Notification,
  Notifier,
  Opening,
  OrderStatus,
  ReportedStatus,
} from '../domain/state.ts';
import { instant } from '../platform/postgres/columns.ts';

// The tables as the SQL files in migrations/ make them; those files are the truth, with their checks and indexes. A slice has
// its tables in its own folder.

export const orders = pgTable('orders', {
  id: text('id').primaryKey(),
  clientId: text('client_id').notNull(),
  freelancerId: text('freelancer_id').notNull(),
  status: text('status').$type<OrderStatus>().notNull(),
  reportedStatus: text('reported_status').$type<ReportedStatus>().notNull(),
  deliverBy: instant('deliver_by'),
  reportedDeliverBy: instant('reported_deliver_by'),
  extras: jsonb('extras').$type<readonly Extra[]>().notNull(),
  priceAmount: bigint('price_amount', { mode: 'number' }).notNull(),
  priceCurrency: text('price_currency').notNull(),
  title: text('title'),
  livemode: boolean('livemode').notNull(),
  testClockId: uuid('test_clock_id'),
  revision: bigint('revision', { mode: 'number' }).notNull(),
  version: integer('version').notNull(),
  disputeCount: integer('dispute_count').notNull(),
  openings: jsonb('openings').$type<readonly Opening[]>().notNull(),
  declines: jsonb('declines').$type<readonly Declined[]>().notNull(),
  cancelledByDisputeId: uuid('cancelled_by_dispute_id'),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const disputes = pgTable('disputes', {
  id: uuid('id').primaryKey(),
  orderId: text('order_id').notNull(),
  clientId: text('client_id').notNull(),
  freelancerId: text('freelancer_id').notNull(),
  type: text('type').$type<DisputeType>().notNull(),
  status: text('status').$type<'open' | 'resolved'>().notNull(),
  openerRole: text('opener_role').$type<Role>().notNull(),
  reason: text('reason'),
  comment: text('comment'),
  change: jsonb('change').$type<Change>(),
  openedAt: instant('opened_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
  respondBy: instant('respond_by').notNull(),
  deadlineSeq: integer('deadline_seq').notNull(),
  resolution: text('resolution').$type<Resolution>(),
  resolvedByRole: text('resolved_by_role').$type<Actor['role']>(),
  resolvedById: text('resolved_by_id'),
  resolvedAt: instant('resolved_at'),
  commentCount: integer('comment_count').notNull(),
  version: integer('version').notNull(),
  heldMs: bigint('held_ms', { mode: 'number' }).notNull(),
  remindersMs: bigint('reminders_ms', { mode: 'number' }).array().notNull(),
  remindAt: instant('remind_at'),
  notices: jsonb('notices').$type<readonly Notice[]>().notNull(),
  testClockId: uuid('test_clock_id'),
});

export const testClocks = pgTable('test_clocks', {
  id: uuid('id').primaryKey(),
  name: text('name'),
  now: instant('now').notNull(),
  status: text('status').$type<'ready' | 'advancing' | 'deleting'>().notNull(),
  advancedFrom: instant('advanced_from'),
  advanceTo: instant('advance_to'),
  lease: uuid('lease'),
  leasedUntil: instant('leased_until'),
  advanceRequest: text('advance_request'),
  createdBy: text('created_by').notNull(),
  createdAt: instant('created_at').notNull(),
});

/** How an order and a dispute stood after an entry, and what it changed; never what people wrote. */
export interface EntryData {
  readonly order: LoggedOrder;
  readonly dispute: LoggedDispute | null;
  readonly previous: Previous | null;
  /** The message of which it tells; absent in other entries. */
  readonly notification?: Notification;
}

export const logEntries = pgTable(
  'log_entries',
  {
    orderId: text('order_id').notNull(),
    orderVersion: integer('order_version').notNull(),
    id: uuid('id').notNull(),
    type: text('type').$type<EntryType>().notNull(),
    occurredAt: instant('occurred_at').notNull(),
    disputeId: uuid('dispute_id'),
    actorRole: text('actor_role').$type<(Actor | Notifier)['role']>().notNull(),
    actorId: text('actor_id'),
    cause: text('cause').notNull(),
    comment: text('comment'),
    commentErasedAt: instant('comment_erased_at'),
    data: jsonb('data').$type<EntryData>().notNull(),
    seq: bigint('seq', { mode: 'number' }),
    traceParent: text('trace_parent'),
  },
  (table) => [primaryKey({ columns: [table.orderId, table.orderVersion] })],
);

export const timers = pgTable(
  'timers',
  {
    disputeId: uuid('dispute_id').notNull(),
    seq: integer('seq').notNull(),
    dueAt: instant('due_at'),
    leasedUntil: instant('leased_until').notNull(),
    traceParent: text('trace_parent'),
  },
  (table) => [primaryKey({ columns: [table.disputeId, table.seq] })],
);

export const deadlineFailures = pgTable('deadline_failures', {
  disputeId: uuid('dispute_id').primaryKey(),
  attempts: integer('attempts').notNull(),
  retryAt: instant('retry_at').notNull(),
  lastError: text('last_error').notNull(),
});

export const holds = pgTable('holds', {
  id: uuid('id').primaryKey(),
  type: text('type').$type<DisputeType>(),
  orderIds: text('order_ids').array(),
  note: text('note').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: instant('created_at').notNull(),
  since: instant('since').notNull(),
  releasedBy: text('released_by'),
  releasedAt: instant('released_at'),
  finishedAt: instant('finished_at'),
});

export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    caller: text('caller').notNull(),
    key: text('key').notNull(),
    fingerprint: text('fingerprint').notNull(),
    responseStatus: smallint('response_status').notNull(),
    responseHeaders: jsonb('response_headers').$type<Record<string, string>>().notNull(),
    responseBody: text('response_body').notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.caller, table.key] })],
);
