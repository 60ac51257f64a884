const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Up to four days are shown in hours, as people count 48 and 96 hours. */
const HOURS_SHOWN = 100;

/** What is left of a window, rounded up to whole seconds so that zero means over. */
export interface Remaining {
  readonly days: number;
  /** Hours, minutes and seconds as a clock shows them, such as 47:12:09. */
  readonly clock: string;
  readonly isOver: boolean;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** What is left until an instant. @param leftMs may be negative */
export function remaining(leftMs: number): Remaining {
  const seconds = Math.max(0, Math.ceil(leftMs / SECOND_MS));
  const hours = Math.floor(seconds / 3_600);
  const days = hours < HOURS_SHOWN ? 0 : Math.floor(hours / 24);
  const clock = `${two(hours - days * 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return { days, clock, isOver: leftMs <= 0 };
}

/** How long before the end a screen reader is told what is left. */
export const MILESTONES_MS = [DAY_MS, 2 * HOUR_MS, 10 * MINUTE_MS, 0] as const;

/** The milestone that was passed last: each is announced once. Undefined while the first lies ahead. */
export function milestone(leftMs: number): number | undefined {
  return MILESTONES_MS.findLast((at) => leftMs <= at);
}

/** A duration in the largest unit that divides it, as people say it: 48 hours, 4 days, 90 minutes. */
export function inWords(ms: number): { readonly unit: 'day' | 'hour' | 'minute' | 'second'; readonly count: number } {
  const rounded = Math.max(SECOND_MS, Math.round(ms / SECOND_MS) * SECOND_MS);
  if (rounded % DAY_MS === 0 && rounded > 2 * DAY_MS) return { unit: 'day', count: rounded / DAY_MS };
  if (rounded % HOUR_MS === 0) return { unit: 'hour', count: rounded / HOUR_MS };
  if (rounded % MINUTE_MS === 0) return { unit: 'minute', count: rounded / MINUTE_MS };
  return { unit: 'second', count: rounded / SECOND_MS };
}

/** What is left, in the one unit that says most, for an announcement. */
export function roughly(leftMs: number): ReturnType<typeof inWords> {
  if (leftMs >= 2 * DAY_MS) return { unit: 'day', count: Math.round(leftMs / DAY_MS) };
  if (leftMs >= HOUR_MS) return { unit: 'hour', count: Math.round(leftMs / HOUR_MS) };
  if (leftMs >= MINUTE_MS) return { unit: 'minute', count: Math.round(leftMs / MINUTE_MS) };
  return { unit: 'second', count: Math.max(0, Math.ceil(leftMs / SECOND_MS)) };
}
