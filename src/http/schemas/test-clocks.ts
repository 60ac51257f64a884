import { z } from 'zod';
import { TRANSITIONS_SHOWN } from '../../application/test-clocks/advance.ts';
import { LIMITS } from '../../domain/rules.ts';
import { parseDuration } from '../../platform/duration.ts';
import { fault, issueOf } from '../problems/input-errors.ts';
import { DisputeId, InstantInput, OrderId, Timestamp, Title, uuid } from './common.ts';
import { EventType } from './events.ts';
import { cursor, decimal, optional } from './input.ts';

const Count = z.int().min(0);
const DURATION_LENGTH = 40;

/** An ISO 8601 duration as it is received, kept in milliseconds. */
const AdvanceBy = z
  .string()
  .max(DURATION_LENGTH)
  .transform((text, context) => {
    const ms = parseDuration(text);
    if (ms !== null) return ms;
    context.addIssue(issueOf('invalid_format', {}, 'Write an ISO 8601 duration of at most 90 days, such as PT48H.'));
    return z.NEVER;
  })
  .meta({
    description:
      'An ISO 8601 duration of weeks, days, hours, minutes and seconds, at most 90 days. By nothing, as to the time that it is, ' +
      'changes nothing.',
    maxLength: DURATION_LENGTH,
    examples: ['PT48H'],
  });

export const NewTestClock = z
  .strictObject({
    name: optional(Title),
    now: optional(InstantInput).meta({
      description: 'The time with which it begins, not after the year 9998; the real one without it.',
    }),
  })
  .meta({ id: 'NewTestClock', examples: [{ name: 'Silence cancels the order' }] });

const clock = {
  id: z.uuid(),
  name: z.string().nullable(),
  now: Timestamp,
  status: z.enum(['ready', 'advancing']),
  orderCount: Count.max(LIMITS.clockOrders),
  createdAt: Timestamp.meta({ description: 'In real time, as `expiresAt`.' }),
  expiresAt: Timestamp.meta({ description: 'When it is deleted with its orders, if it was not deleted before.' }),
};

export const TestClock = z.strictObject(clock).meta({
  id: 'TestClock',
  description: 'A clock that tells the time of its orders, and moves only when it is advanced.',
});

const Transition = z
  .strictObject({
    at: Timestamp.meta({ description: "By the clock: a deadline takes effect at exactly the dispute's `respondBy`." }),
    type: EventType,
    orderId: OrderId,
    disputeId: DisputeId.nullable(),
  })
  .meta({ id: 'TestClockTransition', description: 'An event that time brought about.' });

const advance = {
  from: Timestamp,
  to: Timestamp,
  transitions: z
    .array(Transition)
    .max(TRANSITIONS_SHOWN)
    .meta({ description: `In the order in which they happened; the first ${TRANSITIONS_SHOWN}.` }),
  transitionCount: Count.meta({ description: 'How many transitions there are in all.' }),
  webhooks: z
    .strictObject({
      delivered: Count,
      failed: Count,
      pending: Count.meta({ description: 'To be sent yet, for the first time or again.' }),
    })
    .meta({ description: 'What has become of the webhooks of the transitions.' }),
};

export const LastAdvance = z
  .strictObject(advance)
  .meta({ id: 'LastAdvance', description: 'The last advance of a test clock, as far as it has come.' });

export const TestClockDetails = z
  .strictObject({ ...clock, lastAdvance: LastAdvance.nullable() })
  .meta({ id: 'TestClockDetails', description: 'A test clock with its last advance.' });

export const AdvancedTestClock = z
  .strictObject({ id: z.uuid(), now: Timestamp, status: z.enum(['ready', 'advancing']), ...advance })
  .meta({ id: 'AdvancedTestClock', description: 'A test clock, and what its advance brought about.' });

export const Advance = z
  .strictObject({ by: optional(AdvanceBy), to: optional(InstantInput) })
  .refine(({ by, to }) => by !== undefined || to !== undefined, {
    path: ['by'],
    ...fault('required', {}, 'Give `by` or `to`.'),
  })
  .refine(({ by, to }) => by === undefined || to === undefined, {
    path: ['to'],
    ...fault('unknown', {}, 'Give either `by` or `to`, not both.'),
  })
  .meta({ id: 'TestClockAdvance', description: 'How far: either `by` or `to`.', examples: [{ by: 'PT48H' }] });

export const AdvanceQuery = z.strictObject({
  wait: decimal({ min: 0, max: 30, byDefault: 10 }).meta({
    description: 'Seconds to wait for the clock to arrive, and for the first attempts at webhooks.',
  }),
});

export const TestClockParams = z.strictObject({ id: uuid() });

export const TestClocksQuery = z.strictObject({
  limit: decimal({ min: 1, max: 100, byDefault: 20 }).meta({ description: 'How many a page has at most.' }),
  cursor: cursor(300).meta({ description: 'The `nextCursor` of the page before.' }),
});

export const TestClockPage = z
  .strictObject({ data: z.array(TestClock), nextCursor: z.string().nullable() })
  .meta({ id: 'TestClockPage' });

export const DeletedTestClock = z
  .strictObject({ id: z.uuid(), deleted: z.literal(true) })
  .meta({ id: 'DeletedTestClock' });
