import { z } from 'zod';
import { PROBLEMS, type ProblemCode } from '../problems.ts';
import { DisputeId, EntityTag, Timestamp } from './common.ts';
import { AllowedAction, Dispute, DisputeType, Role } from './disputes.ts';
import { Order } from './orders.ts';

const InputError = z
  .strictObject({
    pointer: z
      .string()
      .meta({ description: 'A JSON pointer into the body, or one that starts with /path, /query or /header.' }),
    message: z.string(),
  })
  .meta({ id: 'InputError' });

const Obstacle = z
  .strictObject({
    id: DisputeId,
    type: DisputeType,
    opener: z.strictObject({ role: Role, id: z.string() }),
    respondBy: Timestamp,
    allowedActions: z.array(AllowedAction),
    etag: EntityTag,
  })
  .meta({
    id: 'Obstacle',
    description: 'The open dispute that stands in the way, and what the caller may do about it.',
  });

export const ProblemDocument = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]),
    requestId: z.string(),
    errors: z.array(InputError).optional().meta({ description: 'What is wrong with the input.' }),
    openDispute: Obstacle.optional().meta({ description: 'With `dispute_already_open`.' }),
    reason: z
      .enum(['order_completed', 'order_cancelled'])
      .optional()
      .meta({ description: 'With `order_not_disputable`.' }),
    respondBy: Timestamp.optional().meta({ description: 'With `response_window_closed`: when silence took effect.' }),
    decidedAt: Timestamp.optional().meta({
      description: 'With `response_window_closed`: when the request was decided.',
    }),
    revision: z.int().optional().meta({ description: 'With `stale_revision`: the revision that is known.' }),
    end: z.int().min(0).optional().meta({ description: 'With `position_ahead`: the last position of the log.' }),
    dispute: Dispute.optional().meta({
      description: 'With `version_mismatch`: the dispute as it is now, without its comment, which errors never have.',
    }),
    order: Order.optional().meta({ description: 'With `version_mismatch`, about an order: the order as it is now.' }),
  })
  .meta({ id: 'Problem', description: 'A problem by RFC 9457; `code` is stable, `detail` is for people.' });
