import { describe, expect, test } from '@jest/globals';
import { nextAttemptInMs, RETRY_DELAYS_MS, retryAfterMs } from '../../src/operations/webhook-schedule.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.parse('2026-11-24T10:00:00Z');

describe('attempts', () => {
  test('are ten in all, over 75 hours and 35 minutes', () => {
    const delays = Array.from({ length: 10 }, (_, n) => nextAttemptInMs(n + 1, null, 0));
    expect(delays.at(-1)).toBeNull();
    // 5 s, 5 min, 30 min, and then 2, 5, 10, 14, 20 and 24 hours
    expect(delays.reduce<number>((sum, ms) => sum + (ms ?? 0), 0)).toBe(75 * HOUR_MS + 35 * 60_000 + 5_000);
    expect(RETRY_DELAYS_MS).toHaveLength(9);
  });

  test('are spread by up to a tenth, and never come early', () => {
    expect([0, 0.5, 1].map((chance) => nextAttemptInMs(2, null, chance))).toEqual([300_000, 315_000, 330_000]);
  });

  test('wait as long as a receiver asks for, and never for less than the schedule says', () => {
    expect(nextAttemptInMs(1, 60_000, 0)).toBe(60_000);
    expect(nextAttemptInMs(3, 60_000, 0)).toBe(1_800_000);
    expect(nextAttemptInMs(10, 60_000, 0)).toBeNull();
  });
});

test.each([
  ['120', 120_000],
  [' 7 ', 7_000],
  ['0', 0],
  ['Tue, 24 Nov 2026 10:01:00 GMT', 60_000],
  ['Tue, 24 Nov 2026 09:00:00 GMT', 0],
  ['99999999999', 24 * HOUR_MS],
  ['soon', null],
  ['', null],
])('Retry-After %j is understood as %p ms', (header, ms) => {
  expect(retryAfterMs(header, NOW)).toBe(ms);
});
