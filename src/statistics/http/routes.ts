import type { z } from 'zod';
import { readTime } from '../../application/read.ts';
import { type HttpDeps, operation } from '../../http/endpoint/endpoint.ts';
import { iso } from '../../http/endpoint/instants.ts';
import { csvReply } from '../../http/endpoint/reply.ts';
import { type InputError, inputError } from '../../http/problems/input-errors.ts';
import { invalidInput, problemError } from '../../http/problems/problems.ts';
import { readStatistics, type Span } from '../rollup.ts';
import { presentStatistics, statisticsAsCsv } from './present.ts';
import { DEFAULT_DAYS, MAX_DAYS, Statistics, StatisticsQuery } from './schemas.ts';

const DAY_MS = 86_400_000;

/** What is wrong with the ends of a span: whichever of the two was given has to move. */
function spanFault({ from, to }: Span, isEndGiven: boolean): InputError | null {
  const earliest = to - MAX_DAYS * DAY_MS;
  if (from < earliest) return inputError('/query/from', 'too_small', { earliest: iso(earliest) });
  if (from < to) return null;
  return isEndGiven
    ? inputError('/query/to', 'not_later_than', { than: iso(from) })
    : inputError('/query/from', 'too_big', { latest: iso(to - 1) });
}

async function spanOf({ write }: HttpDeps, query: z.output<typeof StatisticsQuery>): Promise<Span> {
  const to = query.to ?? (await readTime(write));
  const span = { from: query.from ?? Math.max(0, to - DEFAULT_DAYS * DAY_MS), to };
  const fault = spanFault(span, query.to !== undefined);
  if (fault !== null) throw invalidInput(fault);
  return span;
}

const behind = () =>
  problemError('unavailable', 'The statistics are still being brought up to what has happened. Try again.', {
    headers: { 'retry-after': '5' },
  });

const getStatistics = operation({
  operationId: 'getStatistics',
  method: 'GET',
  path: '/v1/stats',
  tag: 'Statistics',
  summary: 'Count disputes and how they ended',
  description:
    'The disputes that were opened from one instant on and before another, as all of them stand at one moment: exact, ' +
    'whatever is being answered, held or expiring meanwhile. As JSON, or with `Accept: text/csv` as a table whose last ' +
    'row is the total. It names no user and has no text of one.',
  access: { scopes: ['disputes:read'] },
  forOperatorsToo: true,
  query: StatisticsQuery,
  hasCsv: true,
  success: [{ status: 200, description: 'The figures, for each group and for all.', schema: Statistics }],
  problems: [],
  handle: async ({ deps, query, format, reply }) => {
    const span = await spanOf(deps, query);
    const statistics = await readStatistics(deps.write, span, query.groupBy);
    if (statistics === null) throw behind();
    const body = presentStatistics(statistics, span, query.groupBy);
    return format === 'csv' ? csvReply(statisticsAsCsv(body)) : reply(200, body);
  },
});

export const statisticsRoutes = [getStatistics];
