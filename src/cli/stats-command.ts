import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { GROUPINGS } from '../statistics/counts.ts';
import type { Statistics as StatisticsSchema } from '../statistics/http/schemas.ts';
import { open, type RemoteOptions, remote } from './access.ts';
import { type Io, show, table } from './output.ts';

type Statistics = z.output<typeof StatisticsSchema>;

interface StatsOptions extends RemoteOptions {
  readonly from?: string;
  readonly to?: string;
  readonly groupBy: string;
  readonly csv?: boolean;
}

const COUNTS = ['opened', 'accepted', 'declined', 'answered', 'withdrawn', 'expired', 'superseded', 'open'] as const;

const HOUR_S = 3_600;
/** In hours to two places, as windows are thought of; the exact seconds are in JSON and CSV. */
const hours = (seconds: number | null) => (seconds === null ? null : (seconds / HOUR_S).toFixed(2));
const percent = (share: number | null) => (share === null ? null : `${(share * 100).toFixed(1)} %`);

function row(name: string, figures: Statistics['total']) {
  const { p50, p90, p99 } = figures.responseSeconds;
  return [name, ...COUNTS.map((count) => figures[count]), ...[p50, p90, p99].map(hours), percent(figures.silenceShare)];
}

function describe({ from, to, groupBy, data, total }: Statistics): string {
  const columns = [groupBy, ...COUNTS, 'p50 (h)', 'p90 (h)', 'p99 (h)', 'silence'].map((name) => name.toUpperCase());
  const rows = data.map(({ key, role, ...figures }) => row(role === null ? (key ?? '') : `${key} (${role})`, figures));
  return `opened from ${from} to ${to}\n\n${table(columns, [...rows, row('total', total)])}`;
}

/** Adds `stats`. */
export function addStatsCommand(program: Command, io: Io): void {
  remote(program.command('stats').description('how many disputes were opened, how they ended, how long answers took'))
    .option('--from <instant>', 'opened from then on: RFC 3339, or a date (30 days before --to)')
    .option('--to <instant>', 'opened before then (now)')
    .addOption(new Option('--group-by <what>', 'what a group has in common').choices(GROUPINGS).default('type'))
    .addOption(new Option('--csv', 'answer as CSV').conflicts('json'))
    .action(async (options: StatsOptions) => {
      const { from, to, groupBy } = options;
      const query = { from, to, groupBy };
      const api = await open(io, options);
      if (options.csv) return void io.stdout.write(await api.text('/v1/stats', query, 'text/csv'));
      const found = await api.get<Statistics>('/v1/stats', query);
      show(io, options.json, found, () => describe(found));
    });
}
