import { z } from 'zod';
import { TIMELINE_ACTIONS } from '../../domain/commands.ts';
import { DISPUTE_ACTIONS, DISPUTE_TYPES, EXPIRY_ACTIONS, LIMITS, RESOLUTIONS, ROLES } from '../../domain/rules.ts';
import { ORDER_STATUSES } from '../../domain/state.ts';
import {
  Comment,
  DisputeId,
  EntityTag,
  Extra,
  InstantInput,
  Livemode,
  Money,
  OrderId,
  Timestamp,
  UserId,
} from './common.ts';
import { cursor, decimal, optional } from './input.ts';

export const Role = z.enum(ROLES).meta({ id: 'Role', description: 'A party of an order: who buys, who delivers.' });
export const OrderStatus = z.enum(ORDER_STATUSES).meta({ id: 'OrderStatus' });
export const DisputeType = z.enum(DISPUTE_TYPES).meta({ id: 'DisputeType' });
export const Resolution = z.enum(RESOLUTIONS).meta({ id: 'Resolution', description: 'How a dispute ended.' });
export const DISPUTE_STATUSES = ['open', 'resolved'] as const;
export const DisputeStatus = z.enum(DISPUTE_STATUSES).meta({ id: 'DisputeStatus' });

const Party = z.strictObject({ role: Role, id: UserId }).meta({ id: 'Party' });

export const Actor = z
  .strictObject({
    role: z.enum([...ROLES, 'system', 'order_service']),
    id: z.string().optional().meta({ description: 'Absent for `system`: a deadline.' }),
  })
  .meta({ id: 'Actor', description: 'Who did something: a party, a deadline (`system`) or the order service.' });

export const LogActor = z
  .strictObject({
    role: z.enum([...ROLES, 'system', 'order_service', 'notifier']),
    id: z.string().optional().meta({ description: 'Absent for `system`: a deadline.' }),
  })
  .meta({
    id: 'LogActor',
    description:
      'Who did something: a party, a deadline (`system`), the order service, or a service that notifies the parties.',
  });

export const Notice = z
  .strictObject({
    remindedAt: Timestamp.nullable().meta({ description: 'When the respondent was reminded of the deadline last.' }),
    notifiedAt: Timestamp.nullable().meta({ description: 'When the respondent was notified first.' }),
    seenAt: Timestamp.nullable().meta({ description: 'When the respondent saw the dispute first.' }),
  })
  .meta({
    id: 'Notice',
    description:
      'What is known of how the respondent heard of the dispute. Facts only: no rule depends on them, and If-Match does ' +
      'not compare them. They stay as they were when the dispute was resolved.',
  });

const Channel = z
  .string()
  .regex(/^[a-z0-9_-]*$/, 'Write 1 to 32 of a-z 0-9 _ -.')
  .min(1)
  .max(32)
  .meta({ description: 'How it was sent: 1 to 32 of `a-z 0-9 _ -`.', examples: ['email'] });

export const Notification = z
  .strictObject({ role: Role, channel: z.string(), deliveredAt: Timestamp })
  .meta({ id: 'Notification', description: 'A message about the dispute that reached a party.' });

export const NoticeRequest = z.strictObject({ role: Role, channel: Channel, deliveredAt: InstantInput }).meta({
  id: 'NoticeRequest',
  examples: [{ role: 'freelancer', channel: 'email', deliveredAt: '2026-11-23T10:00:04.000Z' }],
});

export const OnExpiry = z
  .strictObject({ action: z.enum(EXPIRY_ACTIONS), orderStatus: z.enum(['mutually_cancelled', 'previous']) })
  .meta({ id: 'OnExpiry', description: 'What silence does, and the status that the order then has.' });

export const AllowedAction = z
  .strictObject({
    action: z.enum(DISPUTE_ACTIONS),
    method: z.enum(['POST']),
    href: z.string(),
    until: Timestamp.meta({ description: 'From this instant on it is too late, unless the dispute is `held`.' }),
    comment: z.enum(['required', 'optional']),
  })
  .meta({ id: 'AllowedAction', description: 'Something that the caller may do now, and how.' });

const Viewer = z
  .strictObject({
    role: Role,
    state: z.enum(['action_required', 'awaiting_other_party', 'resolved']),
    allowedActions: z.array(AllowedAction).max(DISPUTE_ACTIONS.length),
    addComment: AllowedAction.nullable().meta({ description: 'How to add a comment, while that is possible.' }),
  })
  .meta({ id: 'Viewer', description: 'How the dispute stands for the party that asks.' });

export const ChangeView = z
  .strictObject({ deliverBy: Timestamp.nullable(), extras: z.array(Extra).max(LIMITS.extras) })
  .meta({ id: 'Change', description: 'What the freelancer asks to change.' });

export const OrderSummary = z
  .strictObject({
    id: OrderId,
    title: z.string().nullable(),
    status: OrderStatus,
    price: Money,
    deliverBy: Timestamp.nullable(),
  })
  .meta({ id: 'OrderSummary', description: 'The order of a dispute, in short.' });

export const Held = z.strictObject({ since: Timestamp }).meta({
  id: 'Held',
  description:
    'A hold keeps the deadline from taking effect. From `since` on no time has passed for the respondent, who has ' +
    '`respondBy` less `since` left, counted on from the end of the hold: then `respondBy` is moved, with the event ' +
    '`dispute.deadline_shifted`. Until then it stands still, and may lie in the past.',
});

export const Dispute = z
  .strictObject({
    id: DisputeId,
    orderId: OrderId,
    type: DisputeType,
    status: DisputeStatus,
    resolution: Resolution.nullable(),
    resolvedBy: Actor.nullable(),
    resolvedAt: Timestamp.nullable(),
    opener: Party,
    respondent: Party,
    reason: z.string().nullable(),
    comment: z.string().nullable().optional().meta({ description: 'What the opener wrote. Absent for services.' }),
    change: ChangeView.nullable(),
    openedAt: Timestamp,
    updatedAt: Timestamp,
    respondBy: Timestamp.meta({ description: 'The instant at which silence takes effect; later while `held`.' }),
    held: Held.nullable().meta({ description: 'Null while the deadline is not held.' }),
    onExpiry: OnExpiry,
    awaiting: Role.nullable().meta({ description: 'Who has to respond; null once the dispute is resolved.' }),
    version: z.int().min(1),
    notice: Notice,
    order: OrderSummary,
    livemode: Livemode,
    viewer: Viewer.optional().meta({ description: 'Absent for services.' }),
    etag: EntityTag,
    serverTime: Timestamp.meta({ description: 'The clock that decides, when this was read.' }),
  })
  .meta({ id: 'Dispute' });

const ChangeRequest = z
  .strictObject({
    deliverBy: optional(InstantInput),
    extras: optional(z.array(Extra).min(1).max(LIMITS.extras)),
  })
  .meta({ id: 'ChangeRequest', description: 'At least one of the two.' });

export const OpenDisputeRequest = z
  .strictObject({
    type: DisputeType,
    reason: optional(
      z
        .string()
        .regex(/^[a-z_]{1,64}$/, 'Choose a code of the catalogue.')
        .meta({ maxLength: 64, examples: ['late_delivery'] }),
    ).meta({ description: "Only in a cancellation: a code from the opener's part of the catalogue." }),
    comment: optional(Comment),
    change: optional(ChangeRequest),
  })
  .meta({
    id: 'OpenDisputeRequest',
    examples: [{ type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' }],
  });

export const AnswerRequest = z
  .strictObject({ comment: optional(Comment) })
  .meta({ id: 'AnswerRequest', examples: [{ comment: 'Agreed.' }] });

export const CommentRequest = z
  .strictObject({ comment: Comment })
  .meta({ id: 'CommentRequest', examples: [{ comment: 'The first draft is ready.' }] });

export const TimelineEntry = z
  .strictObject({
    seq: z.int().min(1).meta({ description: 'Its place in the timeline, from 1.' }),
    at: Timestamp,
    action: z.enum(TIMELINE_ACTIONS),
    actor: LogActor,
    fromStatus: DisputeStatus.nullable(),
    toStatus: DisputeStatus,
    cause: z
      .string()
      .meta({ description: '`deadline`, `hold:` and the id of the hold, or `request:` and the id of the request.' }),
    notice: Notice.optional().meta({ description: 'With `expired`: what was known when silence took effect.' }),
    notification: Notification.optional().meta({ description: 'With `notified`.' }),
    comment: z.string().optional().meta({ description: 'Absent where there is none, and for services.' }),
    commentErasedAt: Timestamp.optional().meta({
      description: 'There was a comment, and it was erased then. Absent for services.',
    }),
  })
  .meta({ id: 'TimelineEntry' });

/** The most entries of a page of a timeline, and how many it has unless asked for fewer. */
export const TIMELINE_PAGE = 50;

export const Timeline = z
  .strictObject({
    data: z.array(TimelineEntry).max(TIMELINE_PAGE),
    nextCursor: z.string().nullable().meta({ description: 'The `cursor` of the next page; null after the last one.' }),
  })
  .meta({ id: 'Timeline', description: 'A page of what happened to a dispute, oldest first.' });

export const TimelineQuery = z.strictObject({
  limit: decimal({ min: 1, max: TIMELINE_PAGE, byDefault: TIMELINE_PAGE }).meta({
    description: 'How many entries a page has at most.',
  }),
  cursor: cursor(200).meta({ description: 'The `nextCursor` of the page before.' }),
});
