import { cpus } from 'node:os';
import { LANES, POISON } from './faults.ts';
import type { Late, RunResult } from './run.ts';

export const P99_MS = { calm: 250, faults: 2_000 };
export const MAX_MS = 5_000;
const EXIT_MS = 10_000;
/** A deadline belongs to a fault that was staged while it fell due, or shortly before. */
const AFTERMATH_MS = 2_000;

/** The value below which a part of sorted numbers lies. */
export function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function figures(late: readonly Late[]) {
  const sorted = late.map(({ ms }) => ms).sort((a, b) => a - b);
  return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: sorted.at(-1) ?? 0 };
}

function latenessDuring({ staged, lateness }: RunResult, kind: string): Late[] {
  const times = staged.filter((fault) => fault.kind === kind);
  return lateness.filter(({ dueAt }) =>
    times.some(({ from, until }) => dueAt >= from && dueAt <= until + AFTERMATH_MS),
  );
}

const ms = (value: number): string => `${Math.round(value)} ms`;

/** The table of faults: what must hold in each, how often it was staged, and how late deadlines took effect meanwhile. */
export function faultTable(results: readonly RunResult[]): string {
  const rows = LANES.flat().map(({ kind, number, mustHold }) => {
    const staged = results.flatMap((result) => result.staged.filter((fault) => fault.kind === kind)).length;
    const { count, p99, max } = figures(results.flatMap((result) => latenessDuring(result, kind)));
    return `| ${number} | ${kind} | ${mustHold} | ${staged} | ${count} | ${ms(p99)} | ${ms(max)} |`;
  });
  const head =
    '| | fault | what must hold | staged | deadlines meanwhile | lateness p99 | max |\n|---|---|---|---|---|---|---|';
  return [head, ...rows].join('\n');
}

interface Summary {
  readonly text: string;
  readonly breaches: readonly string[];
}

/** All figures of some runs, and everything that is not as promised. */
export function summarize(results: readonly RunResult[], judgeLateness: boolean): Summary {
  const calm = results.every(({ options }) => options.calm);
  const late = figures(results.flatMap(({ lateness }) => lateness));
  const exits = results.flatMap((result) => result.exits);
  const slowest = Math.max(0, ...exits.map((exit) => exit.ms));
  const kinds = ['lost', 'double', 'early', 'undone', 'inconsistent'] as const;
  const found = results.flatMap(({ breaches, options }) =>
    breaches.map((breach) => ({ ...breach, seed: options.seed })),
  );
  const counts = kinds.map(
    (kind) => `${kind} ${found.filter((breach) => breach.kind === kind).flatMap(({ ids }) => ids).length}`,
  );
  const answers = new Map<string, number>();
  for (const { history } of results)
    for (const [kind, n] of history.answers) answers.set(kind, (answers.get(kind) ?? 0) + n);
  const breaches = found.map(({ name, ids, seed }) => `seed ${seed}: not so: ${name} (${ids.slice(0, 5).join(', ')})`);
  const limit = calm ? P99_MS.calm : P99_MS.faults;
  if (judgeLateness && late.p99 > limit) breaches.push(`lateness p99 is ${ms(late.p99)}, more than ${ms(limit)}`);
  if (judgeLateness && late.max > MAX_MS) breaches.push(`lateness max is ${ms(late.max)}, more than ${ms(MAX_MS)}`);
  if (slowest > EXIT_MS) breaches.push(`a process took ${ms(slowest)} to stop`);
  // Whoever asks for what cannot be written is told that something broke; nobody else is.
  const isPoisoned = results.some(({ staged }) => staged.some(({ kind }) => kind === POISON));
  const broken = answers.get('500 internal_error') ?? 0;
  if (broken > 0 && !isPoisoned) breaches.push(`${broken} answers were 500`);
  const text = [
    `seeds ${results.map(({ options }) => options.seed).join(', ')}, ${results[0]?.options.seconds} s each, ${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}`,
    `faults staged ${results.flatMap(({ staged }) => staged).length}, disputes ${results.reduce((sum, { disputes }) => sum + disputes, 0)}, expired ${late.count}`,
    counts.join(', '),
    `lateness p50 ${ms(late.p50)}, p99 ${ms(late.p99)}, max ${ms(late.max)}`,
    `exits on SIGTERM ${exits.length}, slowest ${ms(slowest)}`,
    `answers: ${[...answers]
      .sort(([, a], [, b]) => b - a)
      .map(([kind, n]) => `${kind}: ${n}`)
      .join(', ')}`,
  ].join('\n');
  return { text, breaches };
}
