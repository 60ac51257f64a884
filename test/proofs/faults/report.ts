import { describeMachine } from '../../harness/stage/machine.ts';
import { missingPrograms } from '../../harness/stage/programs.ts';
import { LANES } from './kinds/faults.ts';
import type { RunResult } from './run.ts';
import type { BreachKind } from './verify/invariants.ts';
import { type Figures, figuresOf, type Late } from './verify/lateness.ts';

/**
 * What lateness may be at most, in milliseconds. Deadlines that a hold has moved all become due at once: the sweeper settles what
 * is overdue within about a second.
 */
export const GOALS = { calmP99: 200, heldP99: 1_000, faultyP99: 2_000, max: 5_000 };
const EXIT_MS = 10_000;
/** A deadline belongs to a fault that was staged while it fell due, or shortly before. */
const AFTERMATH_MS = 2_000;
const KINDS: readonly BreachKind[] = ['lost', 'double', 'early', 'undone', 'inconsistent'];

const ms = (value: number): string => `${Math.round(value)} ms`;
const describe = ({ count, p50, p99, max }: Figures): string =>
  `p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)} (${count} deadlines)`;

function latenessDuring({ staged, faulty }: RunResult, kind: string): number[] {
  const times = staged.filter((fault) => fault.kind === kind);
  const during = faulty.filter(({ dueAt }) =>
    times.some(({ from, until }) => dueAt >= from && dueAt <= until + AFTERMATH_MS),
  );
  return during.map((late) => late.ms);
}

/** The table of faults: what must hold in each, how often it was staged, and what was measured meanwhile. */
export function faultTable(results: readonly RunResult[]): string {
  const rows = LANES.flatMap(({ faults }) => faults).map(({ kind, number, mustHold, figure }) => {
    const staged = results.flatMap((result) => result.staged.filter((fault) => fault.kind === kind));
    const { count, p99, max } = figuresOf(results.flatMap((result) => latenessDuring(result, kind)));
    const measured = figuresOf(staged.flatMap((fault) => fault.figure ?? []));
    const also =
      figure === undefined || measured.count === 0 ? '' : `${figure}: p50 ${ms(measured.p50)}, max ${ms(measured.max)}`;
    return `| ${number} | ${kind} | ${mustHold} | ${staged.length} | ${count} | ${ms(p99)} | ${ms(max)} | ${also} |`;
  });
  const head = '| | fault | what must hold | staged | deadlines meanwhile | lateness p99 | max | also measured |';
  return [head, '|---|---|---|---|---|---|---|---|', ...rows].join('\n');
}

/** Answers of all runs by kind, the most frequent first. */
export function answersOf(histories: readonly RunResult['history'][]): [string, number][] {
  const answers = new Map<string, number>();
  for (const { answers: some } of histories)
    for (const [kind, n] of some) answers.set(kind, (answers.get(kind) ?? 0) + n);
  return [...answers].sort(([, a], [, b]) => b - a);
}

/**
 * Lateness, by what the deadlines met. An operator's hold is no fault, and moves all deadlines that it has kept at once. Where a
 * fault was aimed at a dispute, lateness counts from its end, and for a row that could not be written from the retry after it.
 */
function latenessOf(results: readonly RunResult[]) {
  const figures = (lates: readonly Late[]) => figuresOf(lates.map(({ ms: late }) => late));
  const calm = results.flatMap((result) => result.calm);
  const faulty = results.flatMap((result) => result.faulty);
  return {
    calm: figures(calm.filter(({ wasHeld }) => !wasHeld)),
    held: figures(calm.filter(({ wasHeld }) => wasHeld)),
    faulty: figures(faulty.filter(({ isTarget }) => !isTarget)),
    targeted: figures(faulty.filter(({ isTarget }) => isTarget)),
  };
}

function lateBreaches({ calm, held, faulty, targeted }: ReturnType<typeof latenessOf>): string[] {
  const judged = [
    ['p99 without faults', calm.p99, GOALS.calmP99],
    ['p99 after a hold', held.p99, GOALS.heldP99],
    ['max without faults', Math.max(calm.max, held.max), GOALS.max],
    ['p99 under faults', faulty.p99, GOALS.faultyP99],
    ['max under faults', Math.max(faulty.max, targeted.max), GOALS.max],
  ] as const;
  return judged.flatMap(([name, value, goal]) =>
    value > goal ? [`lateness: ${name} is ${ms(value)}, more than ${ms(goal)}`] : [],
  );
}

/** Everything that is not as promised; `judgeTimes` says whether how long things took counts, too. */
export function breachesOf(results: readonly RunResult[], judgeTimes: boolean): string[] {
  const found = results.flatMap(({ breaches, failures, options: { seed } }) => [
    ...breaches.map(({ name, ids }) => `seed ${seed}: not so: ${name}: ${ids.join(', ')}`),
    ...(judgeTimes ? failures.map((failure) => `seed ${seed}: ${failure}`) : []),
  ]);
  const slow = results.flatMap(({ exits }) => exits).filter((exit) => exit.ms > EXIT_MS);
  return [
    ...found,
    ...(judgeTimes ? lateBreaches(latenessOf(results)) : []),
    ...(judgeTimes ? slow.map((exit) => `a process took ${ms(exit.ms)} to stop`) : []),
  ];
}

const LATEST = 3;

/** Which deadlines were latest, and what went wrong from when they fell due until they took effect. */
function latestLines({ faulty, staged, options }: RunResult): string[] {
  const first = Math.min(...staged.map(({ from }) => from));
  return faulty
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, LATEST)
    .map(({ ms: late, dueAt, sawHold, isTarget }) => {
      const meanwhile = staged.filter(({ from, until }) => from <= dueAt + late && until >= dueAt);
      const faults = [...new Set(meanwhile.map(({ kind }) => kind))].join(', ');
      const how = `${sawHold ? ', a hold having begun meanwhile' : ''}${isTarget ? ', a fault aimed at it' : ''}`;
      return `  seed ${options.seed}: ${ms(late)} late${how}, due ${((dueAt - first) / 1_000).toFixed(1)} s after the first fault: ${faults}`;
    });
}

function exitLine(results: readonly RunResult[], redis: 'up' | 'frozen'): string {
  const exits = results.flatMap((result) => result.exits.filter((exit) => exit.redis === redis));
  const { count, p50, max } = figuresOf(exits.map((exit) => exit.ms));
  const codes = [...new Set(exits.map(({ code }) => String(code ?? 'a signal')))]
    .sort((a, b) => a.localeCompare(b))
    .join(', ');
  return `exits on SIGTERM with Redis ${redis}: ${count}, p50 ${ms(p50)}, max ${ms(max)}${count === 0 ? '' : `, with ${codes}`}`;
}

/** All figures of some runs. */
export function describeRuns(results: readonly RunResult[]): string {
  const [first] = results;
  const breaches = results.flatMap((result) => result.breaches);
  const counts = KINDS.map(
    (kind) => `${kind} ${breaches.filter((breach) => breach.kind === kind).flatMap(({ ids }) => ids).length}`,
  );
  const { calm, held, faulty, targeted } = latenessOf(results);
  const line = (what: string, figures: Figures) =>
    figures.count === 0 ? [] : [`lateness ${what}: ${describe(figures)}`];
  const disputes = results.reduce((sum, result) => sum + result.disputes, 0);
  const staged = results.flatMap((result) => result.staged).length;
  const missed = results.reduce((sum, result) => sum + result.missed, 0);
  return [
    describeMachine(),
    `seeds ${results.map(({ options }) => options.seed).join(', ')}: ${first?.options.seconds} s each, ${first?.options.rate} disputes a second${first?.options.burst === 1 ? '' : `, ${first?.options.burst} at once`}, ${first?.options.pauseMs} ms between two faults of a lane (${first?.options.restartPauseMs} ms where they restart processes), herds of up to ${first?.options.herd}`,
    `disputes ${disputes}, faults staged ${staged} (${missed} more found nothing to happen to), deadlines that took effect ${calm.count + held.count + faulty.count + targeted.count}`,
    counts.join(', '),
    ...line('without faults', calm),
    ...line('without faults, of deadlines that a hold has moved', held),
    ...line('under faults', faulty),
    ...line('of disputes that could not be written or were locked, after that', targeted),
    ...(results.length === 1 && staged > 0 ? results.flatMap(latestLines) : []),
    exitLine(results, 'up'),
    exitLine(results, 'frozen'),
    `answers: ${answersOf(results.map(({ history }) => history))
      .map(([kind, n]) => `${kind}: ${n}`)
      .join(', ')}`,
    ...missingPrograms().map((missing) => `not staged: ${missing}`),
  ].join('\n');
}
