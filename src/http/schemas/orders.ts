import { z } from 'zod';
import { LIMITS } from '../../domain/rules.ts';
import { REPORTED_STATUSES } from '../../domain/state.ts';
import { fault } from '../problems/input-errors.ts';
import {
  DisputeId,
  EntityTag,
  Extra,
  InstantInput,
  Livemode,
  Money,
  OrderId,
  Timestamp,
  Title,
  UserId,
  uuid,
} from './common.ts';
import { DisputeType, Held, OnExpiry, OrderStatus, Resolution, Role } from './disputes.ts';
import { optional } from './input.ts';

export const ReportedStatus = z
  .enum(REPORTED_STATUSES)
  .meta({ id: 'ReportedStatus', description: 'The statuses that the order service may report.' });

export const OrderReport = z
  .strictObject({
    clientId: UserId,
    freelancerId: UserId,
    status: ReportedStatus,
    deliverBy: InstantInput.nullable().meta({ description: 'Null while none is agreed.' }),
    price: Money,
    revision: z
      .int()
      .min(0)
      .meta({ description: "The order service's own counter: greater with each change of the order." }),
    title: optional(Title),
    testClockId: optional(uuid().meta({ maxLength: 36 })).meta({
      description:
        'In a sandbox: the test clock that tells the time of the order from now on. Possible until its first dispute; ' +
        'without it the order stays where it is.',
    }),
  })
  .refine((report) => report.clientId !== report.freelancerId, {
    path: ['freelancerId'],
    ...fault('invalid_format', {}, 'Give another user than the client.'),
  })
  .meta({
    id: 'OrderReport',
    examples: [
      {
        clientId: 'user-7',
        freelancerId: 'user-9',
        status: 'in_progress',
        deliverBy: '2026-12-01T17:00:00.000Z',
        price: { amount: 15000, currency: 'USD' },
        revision: 1,
        title: 'Logo design',
      },
    ],
  });

export const OpenDisputeSummary = z
  .strictObject({
    id: DisputeId,
    type: DisputeType,
    opener: z.strictObject({ role: Role, id: UserId }),
    respondBy: Timestamp,
    held: Held.nullable(),
    onExpiry: OnExpiry,
    href: z.string(),
  })
  .meta({ id: 'OpenDisputeSummary', description: 'The open dispute of an order.' });

export const Cancellation = z
  .strictObject({
    disputeId: DisputeId,
    resolution: Resolution.extract(['accepted', 'expired']).meta({ description: 'By agreement, or by silence.' }),
    requestedBy: Role,
    reason: z.string().nullable(),
    cancelledAt: Timestamp,
  })
  .meta({ id: 'Cancellation', description: 'How an order came to be mutually cancelled.' });

export const Order = z
  .strictObject({
    id: OrderId,
    clientId: UserId,
    freelancerId: UserId,
    title: z.string().nullable(),
    status: OrderStatus,
    previousStatus: ReportedStatus.nullable().meta({
      description: 'While in dispute: the status that the order would have without it.',
    }),
    deliverBy: Timestamp.nullable(),
    extras: z.array(Extra).max(LIMITS.orderExtras),
    price: Money,
    revision: z.int().min(0),
    livemode: Livemode,
    testClockId: z.uuid().nullable().meta({ description: 'The test clock that tells its time; null for real time.' }),
    openDispute: OpenDisputeSummary.nullable(),
    cancellation: Cancellation.nullable(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    etag: EntityTag,
    serverTime: Timestamp,
  })
  .meta({ id: 'Order' });
