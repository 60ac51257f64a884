import { REACHABLE } from './codes.ts';
import type { FuzzResult } from './run.ts';

const GROWTH_MB = 10;
const ENOUGH_TO_JUDGE_MEMORY = 20;
/** Requests after which each documented code has been answered, if it can be. */
const ENOUGH_FOR_EVERY_CODE = 2_000;

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** The memory that was held in the first and in the last third, once the process was warm. */
function memoryOf({ memoryMb }: FuzzResult): readonly [number, number] {
  const third = Math.ceil(memoryMb.length / 3);
  return [Math.round(mean(memoryMb.slice(0, third))), Math.round(mean(memoryMb.slice(-third)))];
}

/** The documented codes that no answer of a run had. */
export function missedBy({ byOutcome }: FuzzResult): string[] {
  return REACHABLE.filter((outcome) => !byOutcome.has(outcome));
}

/** What came of a run, in words. */
export function textOf(result: FuzzResult): string {
  const { requests, seconds, byKind, byStatus, byOutcome, compared } = result;
  const counts = (map: ReadonlyMap<string | number, number>) =>
    [...map]
      .sort(([a], [b]) => String(a).localeCompare(String(b)))
      .map(([name, count]) => `${name}: ${count}`)
      .join(', ');
  const [first, last] = memoryOf(result);
  return [
    `${requests} requests in ${Math.round(seconds)} s (${counts(byKind)})`,
    `answers by status: ${counts(byStatus)}`,
    `refusals by code, reason and fault of the input (${missedBy(result).length} of ${REACHABLE.length} not reached): ${counts(byOutcome)}`,
    `${compared} refused requests with the tables compared around them`,
    `memory held after collecting garbage: ${first} MB in the first third after warming up, ${last} MB in the last`,
  ].join('\n');
}

/** Everything that must not have happened. */
export function faultsOf(result: FuzzResult): string[] {
  const [first, last] = memoryOf(result);
  const isJudged = result.memoryMb.length >= ENOUGH_TO_JUDGE_MEMORY;
  const grew = isJudged && last - first > GROWTH_MB ? [`the memory that is held grew from ${first} to ${last} MB`] : [];
  const missed = result.requests < ENOUGH_FOR_EVERY_CODE ? [] : missedBy(result);
  return [...result.breaches, ...grew, ...missed.map((outcome) => `no request was refused as ${outcome}`)];
}
