import { bigint, boolean, integer, jsonb, pgTable, smallint, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from '../../platform/postgres/columns.ts';
import type { DeliveryState, MessageType, SubscribedType } from '../states.ts';

export const webhookEndpoints = pgTable('webhook_endpoints', {
  id: uuid('id').primaryKey(),
  url: text('url').notNull(),
  description: text('description'),
  types: text('types').array().$type<SubscribedType[]>(),
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
  type: text('type').$type<MessageType>().notNull(),
  orderId: text('order_id'),
  orderVersion: integer('order_version'),
  seq: bigint('seq', { mode: 'number' }),
  payload: jsonb('payload').$type<Record<string, unknown>>(),
  status: text('status').$type<DeliveryState['status']>().notNull(),
  attempts: integer('attempts').notNull(),
  isRetry: boolean('is_retry').notNull(),
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
