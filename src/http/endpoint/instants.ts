import { z } from 'zod';
import type { Instant } from '../../domain/state.ts';

const SHAPE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const STRICT = z.iso.datetime({ offset: true });
const MINUTE_MS = 60_000;

/** A leap second is the last one of a month in UTC; it is kept as the instant that follows, as POSIX and PostgreSQL do. */
function afterLeapSecond(lastSecond: number): number | null {
  const next = new Date(lastSecond - (lastSecond % MINUTE_MS) + MINUTE_MS);
  const isNewMonth = next.getUTCDate() === 1 && next.getUTCHours() === 0 && next.getUTCMinutes() === 0;
  return isNewMonth ? lastSecond + 1_000 : null;
}

/** Reads an RFC 3339 date and time, in upper or lower case, in whole milliseconds since 1970; null for any other text. */
export function parseInstant(text: string): number | null {
  const [, minute, second, fraction = '', offset] = SHAPE.exec(text.toUpperCase()) ?? [];
  if (minute === undefined) return null;
  const isLeap = second === '60';
  const regular = `${minute}:${isLeap ? '59' : second}${fraction}${offset}`;
  if (!STRICT.safeParse(regular).success) return null;
  return isLeap ? afterLeapSecond(Date.parse(regular)) : Date.parse(regular);
}

const LOST_PLUS = / (?=\d\d:\d\d$)/;
const WITHOUT_OFFSET = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/;

/**
 * What to do about a text that is no instant.
 * @param form what is expected, such as `an RFC 3339 date and time`
 */
export function instantAdvice(text: string, form: string): string {
  const written = text.toUpperCase();
  // An unescaped plus in a query stands for a space.
  if (LOST_PLUS.test(written) && SHAPE.test(written.replace(LOST_PLUS, '+')))
    return 'Write the plus sign of the offset as %2B: in a query a plain + stands for a space.';
  if (WITHOUT_OFFSET.test(written)) return 'Add the offset from UTC: Z, or one such as +01:00.';
  if (SHAPE.test(written)) return 'There is no such date or time.';
  return `Write ${form}, such as 2026-12-01T18:00:00+01:00.`;
}

/** An instant as the API writes it: RFC 3339 in UTC with milliseconds. */
export const iso = (instant: Instant): string => new Date(instant).toISOString();

/** The same for an instant that may be absent. */
export const isoOrNull = (instant: Instant | null): string | null => (instant === null ? null : iso(instant));
