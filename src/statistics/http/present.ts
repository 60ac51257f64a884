import { iso } from '../../http/endpoint/instants.ts';
import type { Figures, Grouping } from '../counts.ts';
import type { Span, StatisticsAt } from '../rollup.ts';
import { toCsv } from './csv.ts';

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1_000);
const toFourPlaces = (share: number | null): number | null => (share === null ? null : Number(share.toFixed(4)));

const COUNTS = [
  'opened',
  'accepted',
  'declined',
  'answered',
  'withdrawn',
  'expired',
  'superseded',
  'open',
  'responses',
] as const satisfies readonly (keyof Figures)[];

function presentFigures(figures: Figures) {
  const { p50, p90, p99 } = figures.responseMs;
  const counts = Object.fromEntries(COUNTS.map((name) => [name, figures[name]])) as Pick<
    Figures,
    (typeof COUNTS)[number]
  >;
  return {
    ...counts,
    responseSeconds: { p50: seconds(p50), p90: seconds(p90), p99: seconds(p99) },
    silenceShare: toFourPlaces(figures.silenceShare),
  };
}

/** Statistics as JSON. */
export function presentStatistics({ groups, total, now }: StatisticsAt, { from, to }: Span, groupBy: Grouping) {
  return {
    from: iso(from),
    to: iso(to),
    groupBy,
    data: groups.map(({ key, role, ...figures }) => ({ key, role, ...presentFigures(figures) })),
    total: presentFigures(total),
    serverTime: iso(now),
  };
}

const COLUMNS = ['row', 'key', 'role', ...COUNTS, 'p50_seconds', 'p90_seconds', 'p99_seconds', 'silence_share'];

function csvRow(row: string, key: string | null, role: string | null, figures: ReturnType<typeof presentFigures>) {
  const { p50, p90, p99 } = figures.responseSeconds;
  return [row, key, role, ...COUNTS.map((name) => figures[name]), p50, p90, p99, figures.silenceShare];
}

/** The same as CSV: a row for each group, which begins with what they are grouped by, and one that begins with `total`. */
export function statisticsAsCsv({ data, total, groupBy }: ReturnType<typeof presentStatistics>): string {
  const rows = data.map(({ key, role, ...figures }) => csvRow(groupBy, key, role, figures));
  return toCsv(COLUMNS, [...rows, csvRow('total', null, null, total)]);
}
