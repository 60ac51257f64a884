import {
  bigint,
  boolean,
  customType,
  date,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  smallint,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import type { EntryType, Previous } from '../domain/commands.ts';
import type { DisputeType, Resolution, Role } from '../domain/rules.ts';
import type { Actor, Change, Dispute, Extra, Instant, Order, OrderStatus, ReportedStatus } from '../domain/state.ts';
import type { DeliveryState } from '../webhooks/states.ts';

/** A `timestamptz` as milliseconds since the epoch. Everything written here is whole milliseconds. */
const instant = customType<{ data: Instant; driverData: string }>({
  dataType: () => 'timestamptz',
  fromDriver: (value) => {
    // Date.parse takes other styles, too, with day and month in either order.
    if (value[4] !== '-') throw new Error(`the session prints instants in another style than ISO: ${value}`);
    return Date.parse(value);
  },
  toDriver: (value) => new Date(value).toISOString(),
});

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' });

// The tables as the SQL files in migrations/ make them; those files are the truth, with their checks and indexes.

export const orders = pgTable('orders', {
  id: text('id').primaryKey(),
  clientId: text('client_id').notNull(),
  freelancerId: text('freelancer_id').notNull(),
  status: text('status').$type<OrderStatus>().notNull(),
  reportedStatus: text('reported_status').$type<ReportedStatus>().notNull(),
  deliverBy: instant('deliver_by'),
  reportedDeliverBy: instant('reported_deliver_by'),
  extras: jsonb('extras').$type<Extra[]>().notNull(),
  priceAmount: bigint('price_amount', { mode: 'number' }).notNull(),
  priceCurrency: text('price_currency').notNull(),
  title: text('title'),
  revision: bigint('revision', { mode: 'number' }).notNull(),
  version: integer('version').notNull(),
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
  version: integer('version').notNull(),
  heldThrough: instant('held_through'),
  remindersMs: bigint('reminders_ms', { mode: 'number' }).array().notNull(),
  remindAt: instant('remind_at'),
});

/** How an order and a dispute stood after an entry, and what it changed; never what people wrote. */
export interface EntryData {
  readonly order: Order;
  readonly dispute: Omit<Dispute, 'comment'> | null;
  readonly previous: Previous | null;
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
    actorRole: text('actor_role').$type<Actor['role']>().notNull(),
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
  startedAt: instant('started_at').notNull(),
  releasedBy: text('released_by'),
  releasedAt: instant('released_at'),
  finishedAt: instant('finished_at'),
});

export const erasures = pgTable('erasures', {
  userId: text('user_id').primaryKey(),
  requestedAt: instant('requested_at').notNull(),
  requestedBy: text('requested_by').notNull(),
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

export const webhookEndpoints = pgTable('webhook_endpoints', {
  id: uuid('id').primaryKey(),
  url: text('url').notNull(),
  description: text('description'),
  types: text('types').array(),
  includeComments: boolean('include_comments').notNull(),
  active: boolean('active').notNull(),
  disabledReason: text('disabled_reason').$type<'gone' | 'failing'>(),
  disabledAt: instant('disabled_at'),
  secret: text('secret').notNull(),
  previousSecret: text('previous_secret'),
  previousSecretUntil: instant('previous_secret_until'),
  position: bigint('position', { mode: 'number' }).notNull(),
  activeSince: instant('active_since'),
  failingSince: instant('failing_since'),
  failures: integer('failures').notNull(),
  releasedAt: instant('released_at'),
  urlChangedAt: instant('url_changed_at'),
  typesChangedAt: instant('types_changed_at'),
  reviseAfter: uuid('revise_after'),
  createdBy: text('created_by').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
});

export const webhookDeliveries = pgTable('webhook_deliveries', {
  id: uuid('id').primaryKey(),
  endpointId: uuid('endpoint_id').notNull(),
  messageId: uuid('message_id').notNull(),
  type: text('type').notNull(),
  orderId: text('order_id'),
  orderVersion: integer('order_version'),
  seq: bigint('seq', { mode: 'number' }),
  payload: jsonb('payload').$type<Record<string, unknown>>(),
  status: text('status').$type<DeliveryState['status']>().notNull(),
  attempts: integer('attempts').notNull(),
  queuedAt: instant('queued_at').notNull(),
  scheduledAt: instant('scheduled_at'),
  askedUntil: instant('asked_until'),
  nextAttemptAt: instant('next_attempt_at'),
  lastAttemptAt: instant('last_attempt_at'),
  claim: uuid('claim'),
  createdAt: instant('created_at').notNull(),
  finishedAt: instant('finished_at'),
});

export const webhookAttempts = pgTable('webhook_attempts', {
  id: uuid('id').primaryKey(),
  deliveryId: uuid('delivery_id').notNull(),
  at: instant('at').notNull(),
  durationMs: integer('duration_ms').notNull(),
  statusCode: smallint('status_code'),
  error: text('error'),
  response: text('response'),
  withComments: boolean('with_comments').notNull(),
  orderId: text('order_id'),
  counted: boolean('counted').notNull(),
});

export const webhookEndpointsRemoved = pgTable('webhook_endpoints_removed', {
  endpointId: uuid('endpoint_id').primaryKey(),
  removedAt: instant('removed_at').notNull(),
});

export const disputeStatistics = pgTable(
  'dispute_statistics',
  {
    day: date('day').notNull(),
    type: text('type').$type<DisputeType>().notNull(),
    openerRole: text('opener_role').$type<Role>().notNull(),
    reason: text('reason').notNull(),
    resolution: text('resolution').$type<Resolution | 'open'>().notNull(),
    disputes: bigint('disputes', { mode: 'number' }).notNull(),
    responses: bytes('responses').notNull(),
  },
  ({ day, type, openerRole, reason, resolution }) => [
    primaryKey({ columns: [day, type, openerRole, reason, resolution] }),
  ],
);

export const statisticsPosition = pgTable('statistics_position', {
  singleton: boolean('singleton').primaryKey(),
  seq: bigint('seq', { mode: 'number' }).notNull(),
});
