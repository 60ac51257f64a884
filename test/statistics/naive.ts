import { REASONS } from '../../src/domain/reasons.ts';
import { RESOLUTIONS } from '../../src/domain/rules.ts';
import type { Grouping } from '../../src/statistics/counts.ts';
import type { TestDatabase } from '../harness/database.ts';

interface Row {
  readonly type: string;
  readonly opener_role: string;
  readonly reason: string | null;
  readonly resolution: string | null;
  readonly resolved_by_role: string | null;
  readonly opened: number;
  readonly resolved: number | null;
}

/** Figures as the API writes them. */
export interface Figures {
  readonly [count: string]: unknown;
  readonly opened: number;
}

export interface Counted {
  readonly data: readonly (Figures & { key: string | null; role: string | null })[];
  readonly total: Figures;
}

function percentile(times: readonly number[], percent: number): number | null {
  const time = times.toSorted((a, b) => a - b)[Math.ceil((times.length * percent) / 100) - 1];
  return time === undefined ? null : time / 1_000;
}

function figuresOf(rows: readonly Row[]): Figures {
  const answers = rows.filter(
    ({ resolution, resolved_by_role: by }) =>
      ['accepted', 'declined', 'answered'].includes(resolution ?? '') && (by === 'client' || by === 'freelancer'),
  );
  const times = answers.map(({ opened, resolved }) => (resolved ?? Number.NaN) - opened);
  const resolved = rows.filter(({ resolution }) => resolution !== null);
  const expired = rows.filter(({ resolution }) => resolution === 'expired');
  return {
    opened: rows.length,
    ...Object.fromEntries(RESOLUTIONS.map((one) => [one, rows.filter(({ resolution }) => resolution === one).length])),
    open: rows.length - resolved.length,
    responses: answers.length,
    responseSeconds: { p50: percentile(times, 50), p90: percentile(times, 90), p99: percentile(times, 99) },
    silenceShare: resolved.length === 0 ? null : Math.round((expired.length / resolved.length) * 10_000) / 10_000,
  };
}

function keyOf({ type, opener_role: role, reason, resolution }: Row, groupBy: Grouping) {
  if (groupBy === 'type') return { key: type, role: null };
  if (groupBy === 'resolution') return { key: resolution, role: null };
  if (groupBy === 'reason') return { key: reason, role: reason === null ? null : role };
  const found = REASONS.find((one) => one.role === role && one.code === reason);
  return { key: found?.attribution ?? null, role: null };
}

/** Statistics made by looking at every dispute that there is, one by one. */
export async function countAll(
  database: TestDatabase,
  { from, to }: { from: number; to: number },
  groupBy: Grouping,
): Promise<Counted> {
  const all = await database.query<Row>(
    `SELECT type, opener_role, reason, resolution, resolved_by_role,
       (extract(epoch from opened_at) * 1000)::float8 AS opened,
       (extract(epoch from resolved_at) * 1000)::float8 AS resolved FROM disputes`,
  );
  const rows = all.filter(({ opened }) => opened >= from && opened < to);
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = JSON.stringify(keyOf(row, groupBy));
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const data = [...groups].map(([name, own]) => ({ ...JSON.parse(name), ...figuresOf(own) }));
  return { data, total: figuresOf(rows) };
}

/** Groups in an order of their own, to be compared with others. */
export function sorted({ data, total }: Counted): Counted {
  const named = (group: Counted['data'][number]) => `${group.key} ${group.role}`;
  return { data: data.toSorted((a, b) => (named(a) < named(b) ? -1 : 1)), total };
}
