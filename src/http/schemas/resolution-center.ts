import { z } from 'zod';
import { OUTDATED_REASONS } from '../../domain/commands.ts';
import { REASONS } from '../../domain/reasons.ts';
import { DISPUTE_ACTIONS, DISPUTE_TYPES } from '../../domain/rules.ts';
import { EntityTag, Timestamp } from './common.ts';
import { Dispute, DisputeType, OnExpiry, Role, Timeline } from './disputes.ts';
import { Order } from './orders.ts';
import { Reason } from './reasons.ts';

const Presence = z.enum(['required', 'optional']);

const CommentField = z
  .strictObject({ presence: Presence, minLength: z.int(), maxLength: z.int() })
  .meta({ id: 'CommentField', description: 'A free text; its length is counted in characters after trimming.' });

const ReasonField = z.strictObject({ presence: Presence, options: z.array(Reason).max(REASONS.length) }).meta({
  id: 'ReasonField',
  description: 'A code out of these; one that requires a comment makes the comment required.',
});

const ChangeField = z
  .strictObject({
    presence: Presence,
    minParts: z.int().meta({ description: 'So many of `deliverBy` and `extras` have to be there.' }),
    deliverBy: z
      .strictObject({ presence: Presence, after: Timestamp.nullable() })
      .meta({ description: 'It has to be later than now, and than `after`, the current date, where there is one.' }),
    extras: z.strictObject({
      presence: Presence,
      minItems: z.int(),
      maxItems: z.int(),
      titleMinLength: z.int(),
      titleMaxLength: z.int(),
      priceMin: z.int(),
      priceMax: z.int(),
      currency: z.string(),
    }),
  })
  .meta({ id: 'ChangeField', description: 'A later date, extras, or both; titles are counted like comments.' });

export const Blocked = z
  .strictObject({
    code: z.enum([
      'action_not_allowed',
      'not_respondent',
      'not_opener',
      'dispute_already_open',
      'dispute_not_open',
      'response_window_closed',
      'order_not_disputable',
      'change_outdated',
      'comment_limit_reached',
      'dispute_limit_reached',
      'cooldown_active',
    ]),
    reason: z.enum(['order_completed', 'order_cancelled', ...OUTDATED_REASONS]).nullable(),
    availableAt: Timestamp.nullable().meta({
      description: 'The instant from which on it is possible, where waiting helps.',
    }),
    detail: z.string().meta({ description: 'In English; `GET /v1/texts` has `error.{code}`.' }),
  })
  .meta({ id: 'Blocked', description: 'Why an action is not possible: what a request for it would be refused with.' });

const common = {
  allowed: z.boolean(),
  blocked: Blocked.nullable().meta({ description: 'Null if the action is allowed.' }),
  label: z.string().meta({ description: 'In the language of the answer.' }),
  method: z.enum(['POST']),
  href: z.string(),
};

const OpenAction = z
  .strictObject({
    action: z.enum(['open']),
    type: DisputeType,
    ...common,
    window: z
      .string()
      .meta({ description: 'How long the other party will have: an ISO 8601 duration.', examples: ['PT48H'] }),
    windowSeconds: z.int(),
    onExpiry: OnExpiry,
    fields: z.strictObject({
      reason: ReasonField.nullable(),
      comment: CommentField,
      change: ChangeField.nullable(),
    }),
  })
  .meta({ id: 'OpenAction', description: 'A dispute that the caller may open, or why not now.' });

const DisputeActionOption = z
  .strictObject({
    action: z.enum(DISPUTE_ACTIONS),
    disputeId: z.string(),
    ...common,
    until: Timestamp.meta({ description: 'From this instant on it is too late.' }),
    fields: z.strictObject({ comment: CommentField }),
  })
  .meta({ id: 'DisputeActionOption', description: 'What the caller may do with the open dispute, or why not.' });

export const ResolutionCenter = z
  .strictObject({
    orderId: z.string(),
    available: z.boolean().meta({ description: 'Whether anything can be opened or done on this order at all.' }),
    unavailable: Blocked.nullable(),
    viewer: z.strictObject({ role: Role }),
    order: Order,
    openDispute: Dispute.nullable(),
    lastDispute: Dispute.nullable().meta({ description: 'The dispute that was resolved last.' }),
    timeline: Timeline.nullable().meta({
      description: 'The first page of the timeline of the open dispute, or of the last one where none is open.',
    }),
    open: z
      .array(OpenAction)
      .max(DISPUTE_TYPES.length)
      .meta({ description: "One for each type of the caller's role." }),
    respond: z
      .array(DisputeActionOption)
      .max(DISPUTE_ACTIONS.length)
      .meta({ description: 'One for each action on the open dispute; empty without one.' }),
    etag: EntityTag,
    serverTime: Timestamp,
  })
  .meta({ id: 'ResolutionCenter', description: 'All that an order page needs to show, and to know what to offer.' });
