import { z } from 'zod';
import { OUTDATED_REASONS } from '../../domain/commands.ts';
import { DISPUTE_ACTIONS } from '../../domain/rules.ts';
import { EXPECTED_TYPES, INPUT_ERROR_CODES, MAX_ERRORS } from '../problems/input-errors.ts';
import { PROBLEMS, type ProblemCode } from '../problems/problems.ts';
import { DisputeId, EntityTag, Timestamp } from './common.ts';
import { AllowedAction, Dispute, DisputeType, Held, Role } from './disputes.ts';
import { Order } from './orders.ts';

/** What is said of an address that this service does not have. */
export const NOTHING_HERE = 'There is nothing at this address.';

/** More than any list of codes has that a caller chooses from. */
const MAX_CHOICES = 100;

const InputErrorParams = z
  .strictObject({
    expected: z.enum(EXPECTED_TYPES).optional().meta({ description: 'With `invalid_type`.' }),
    minimum: z.number().optional().meta({ description: 'With `too_short`, and `too_small` of a number.' }),
    maximum: z.number().optional().meta({ description: 'With `too_long`, and `too_big` of a number.' }),
    unit: z
      .enum(['characters', 'items'])
      .optional()
      .meta({ description: 'With `too_short` and `too_long`: what is counted.' }),
    earliest: Timestamp.optional().meta({ description: 'With `too_small` of a date.' }),
    latest: Timestamp.optional().meta({ description: 'With `too_big` of a date.' }),
    longest: z.string().optional().meta({ description: 'With `too_big` of a duration: an ISO 8601 duration.' }),
    than: Timestamp.optional().meta({ description: 'With `not_later_than`.' }),
    values: z
      .array(z.string())
      .max(MAX_CHOICES)
      .optional()
      .meta({ description: 'With `not_one_of`: what there is to choose from.' }),
  })
  .meta({ id: 'InputErrorParams', description: 'The bound that was missed.' });

const InputError = z
  .strictObject({
    pointer: z.string().meta({
      description:
        'Where: a JSON pointer (RFC 6901) into the body, empty for the body itself; or one that starts with /path, /query ' +
        'or /header and goes on with the name of a parameter, in a list with the place of the value.',
    }),
    code: z.enum(INPUT_ERROR_CODES).meta({ description: 'What is wrong, for programs. It is stable.' }),
    params: InputErrorParams.optional(),
    message: z
      .string()
      .meta({ description: 'What to do about it: an English sentence that can be shown to a person.' }),
  })
  .meta({ id: 'InputError' });

const Conflict = z
  .strictObject({
    id: DisputeId,
    type: DisputeType,
    opener: z.strictObject({ role: Role, id: z.string() }),
    respondBy: Timestamp,
    held: Held.nullable(),
    allowedActions: z.array(AllowedAction).max(DISPUTE_ACTIONS.length),
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
    errors: z.array(InputError).max(MAX_ERRORS).optional().meta({ description: 'What is wrong with the input.' }),
    openDispute: Conflict.optional().meta({ description: 'With `dispute_already_open`.' }),
    reason: z
      .enum(['order_completed', 'order_cancelled', ...OUTDATED_REASONS])
      .optional()
      .meta({ description: 'With `order_not_disputable` and `change_outdated`: why.' }),
    respondBy: Timestamp.optional().meta({ description: 'With `response_window_closed`: when silence took effect.' }),
    decidedAt: Timestamp.optional().meta({
      description: 'With `response_window_closed`: when the request was decided.',
    }),
    availableAt: Timestamp.optional().meta({
      description:
        'With `cooldown_active`, and with `dispute_limit_reached` where waiting helps: from this instant on it is possible again.',
    }),
    revision: z.int().optional().meta({ description: 'With `stale_revision`: the revision that is known.' }),
    end: z.int().min(0).optional().meta({ description: 'With `position_ahead`: the last position of the log.' }),
    dispute: Dispute.optional().meta({
      description: 'With `version_mismatch`: the dispute as it is now, without its comment, which errors never have.',
    }),
    order: Order.optional().meta({ description: 'With `version_mismatch`, about an order: the order as it is now.' }),
  })
  .meta({ id: 'Problem', description: 'A problem by RFC 9457; `code` is stable, `detail` is for people.' });
