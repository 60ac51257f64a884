import type { z } from 'zod';
import { readStatistics } from '../../operations/statistics.ts';
import { readClock } from '../../store/clock.ts';
import type { Span } from '../../store/statistics.ts';
import { type HttpDeps, operation } from '../operation.ts';
import { presentStatistics, statisticsAsCsv } from '../present-statistics.ts';
import { problemError } from '../problems.ts';
import { DEFAULT_DAYS, MAX_DAYS, Statistics, StatisticsQuery } from '../schemas/statistics.ts';

const DAY_MS = 86_400_000;

const refuseFrom = (message: string) =>
  problemError('validation_failed', 'One thing is wrong with the request.', {
    extra: { errors: [{ pointer: '/query/from', message }] },
  });

async function spanOf({ write }: HttpDeps, query: z.output<typeof StatisticsQuery>): Promise<Span> {
  const to = query.to ?? (await readClock(write.db.query));
  const from = query.from ?? Math.max(0, to - DEFAULT_DAYS * DAY_MS);
  if (from >= to) throw refuseFrom('must lie before to');
  if (to - from > MAX_DAYS * DAY_MS) throw refuseFrom(`must lie at most ${MAX_DAYS} days before to`);
  return { from, to };
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
    'row is the total. Nothing in it says who did what, or what anybody wrote.',
  access: { scopes: ['disputes:read'] },
  query: StatisticsQuery,
  hasCsv: true,
  success: [{ status: 200, description: 'The figures, for each group and for all.', schema: Statistics }],
  problems: [],
  handle: async ({ deps, query, format }) => {
    const span = await spanOf(deps, query);
    const statistics = await readStatistics(deps.write, span, query.groupBy);
    if (statistics === null) throw behind();
    const body = presentStatistics(statistics, span, query.groupBy);
    return { status: 200, format, body: format === 'csv' ? statisticsAsCsv(body) : body };
  },
});

export const statisticsOperations = [getStatistics];
