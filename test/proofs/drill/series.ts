import type { Scrape } from './recording.ts';

/** A time for which all stays as it was in the last seconds before `after`. */
export interface Pause {
  /** How many scrapes come before it. */
  readonly after: number;
  readonly seconds: number;
}

/** Over how many scrapes the rate of a counter is taken that goes on in a pause. */
const RATE_OVER = 5;
const COUNTS_UP = /^(?!process_start)\w+(_total|_count|_bucket|_sum|_timestamp_seconds)\{/;
const IS_INSTANT = /^(?!process_start)\w+_timestamp_seconds\{/;

const text = (value: number): string => String(Number(value.toFixed(6)));

/** The second of the replay at which a second of the recording is. */
export const replayedAt = (second: number, pauses: readonly Pause[]): number =>
  second + pauses.filter(({ after }) => after <= second).reduce((sum, { seconds }) => sum + seconds, 0);

/** One series as promtool reads it: a value for each second, with the pauses in it. */
function valuesOf(name: string, scrapes: readonly Scrape[], startedAt: number, pauses: readonly Pause[]): string {
  const valueAt = (second: number): number | undefined => {
    const value = scrapes[second]?.get(name);
    if (value === undefined || !IS_INSTANT.test(name)) return value;
    // The replay begins at the instant 0.
    const at = value - startedAt / 1_000;
    return Math.max(least, replayedAt(at, pauses));
  };
  const out: string[] = [];
  let added = 0;
  // An instant never goes back behind what a pause has brought it to.
  let least = Number.NEGATIVE_INFINITY;
  let before: number | undefined;
  for (let second = 0; second < scrapes.length; second += 1) {
    const value = valueAt(second);
    if (value !== undefined && before !== undefined && value < before) added = 0;
    if (value === undefined) out.push(before === undefined ? '_' : 'stale');
    else out.push(text(value + added));
    before = value;
    const pause = pauses.find(({ after }) => after === second + 1);
    if (pause === undefined) continue;
    if (value === undefined) {
      out.push(`_x${pause.seconds}`);
      continue;
    }
    const earlier = valueAt(second - RATE_OVER);
    // What began to count meanwhile, or began anew, has counted from zero.
    const from = earlier === undefined || earlier > value ? 0 : earlier;
    const measured = COUNTS_UP.test(name) ? (value - from) / RATE_OVER : 0;
    // The instant of a last success stands still, or goes on with time.
    const rate = IS_INSTANT.test(name) ? Math.min(1, Math.round(measured + 0.3)) : measured;
    out.push(`${text(value + added + rate)}+${text(rate)}x${pause.seconds - 1}`);
    if (IS_INSTANT.test(name)) least = value + rate * pause.seconds;
    else added += rate * pause.seconds;
  }
  return out.join(' ');
}

/** All series of a recording as promtool reads them, with pauses in which all goes on as it was. */
export function seriesOf(scrapes: readonly Scrape[], startedAt: number, pauses: readonly Pause[]) {
  const names = new Set(scrapes.flatMap((scrape) => [...scrape.keys()]));
  return [...names].map((series) => ({ series, values: valuesOf(series, scrapes, startedAt, pauses) }));
}
