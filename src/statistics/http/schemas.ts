import { z } from 'zod';
import { REASONS } from '../../domain/reasons.ts';
import { instantOf, Timestamp } from '../../http/schemas/common.ts';
import { Role } from '../../http/schemas/disputes.ts';
import { GROUPINGS } from '../counts.ts';

/** How far apart the ends of a span may lie, in days: a year, also a leap year. */
export const MAX_DAYS = 366;
export const DEFAULT_DAYS = 30;

const DATE = /^\d{4}-\d{2}-\d{2}$/;

const Bound = z
  .string()
  .transform((text, context) =>
    instantOf(DATE.test(text) ? `${text}T00:00:00Z` : text, context, 'an RFC 3339 date, or date and time'),
  );

const examples = ['2026-11-01', '2026-11-01T09:30:00+01:00'];

/** Every group that a grouping can have: one for each reason of the catalogue, and one for those without a reason. */
const MOST_GROUPS = REASONS.length + 1;

export const StatisticsQuery = z.strictObject({
  from: Bound.optional().meta({
    description:
      'Disputes opened from this instant on: RFC 3339, or a date, which is its beginning in UTC. ' +
      `Unless given, ${DEFAULT_DAYS} days before \`to\`; at most ${MAX_DAYS}.`,
    examples,
  }),
  to: Bound.optional().meta({
    description: 'Disputes opened before this instant, written as `from` is; unless given, now.',
    examples,
  }),
  groupBy: z.enum(GROUPINGS).default('type').meta({ description: 'What the disputes of a group have in common.' }),
});

const Count = z.int().min(0);
const Seconds = z.number().min(0).nullable();

const FIGURES = {
  opened: Count,
  accepted: Count,
  declined: Count,
  answered: Count,
  withdrawn: Count,
  expired: Count.meta({ description: 'Ended by silence.' }),
  superseded: Count,
  open: Count.meta({ description: 'Not resolved yet.' }),
  responses: Count.meta({
    description: 'Answers by the respondent, of which the percentiles are. A delivery that answers a request is none.',
  }),
  responseSeconds: z.strictObject({ p50: Seconds, p90: Seconds, p99: Seconds }).meta({
    id: 'ResponseSeconds',
    description:
      'From the opening to the answer, in elapsed time, exact to the millisecond: each is the time of one dispute, the ' +
      'shortest within which so many percent were answered. Null where no dispute was answered.',
  }),
  silenceShare: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .meta({ description: 'Expired among resolved ones, to four places; null where none is resolved.' }),
};

const StatisticsFigures = z.strictObject(FIGURES).meta({ id: 'StatisticsFigures' });

const StatisticsGroup = z
  .strictObject({
    key: z
      .string()
      .nullable()
      .meta({ description: 'What they have in common; null where they have none: no reason, or no resolution yet.' }),
    role: Role.nullable().meta({
      description:
        'Whose reason it is, since a code may be in the catalogue for both. Null where groups are not by reason.',
    }),
    ...FIGURES,
  })
  .meta({ id: 'StatisticsGroup' });

export const Statistics = z
  .strictObject({
    from: Timestamp,
    to: Timestamp,
    groupBy: z.enum(GROUPINGS),
    data: z
      .array(StatisticsGroup)
      .max(MOST_GROUPS)
      .meta({ description: 'Groups with disputes, in the order of the catalogue.' }),
    total: StatisticsFigures,
    serverTime: Timestamp.meta({ description: 'As all of it stood at this moment.' }),
  })
  .meta({ id: 'Statistics' });
