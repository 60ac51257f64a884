import { expect, test } from 'vitest';
import { parseHttpDate, retryAfterMs } from '../../../src/platform/network/retry-after.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.parse('2026-11-24T10:00:00Z');

test.each([
  ['120', 120_000],
  [' 7 ', 7_000],
  ['0', 0],
  ['40.5', 40_500],
  ['2.0', 2_000],
  ['0.25', 250],
  ['99999999', 99_999_999_000],
  ['Tue, 24 Nov 2026 10:01:00 GMT', 60_000],
  ['Tuesday, 24-Nov-26 10:01:00 GMT', 60_000],
  ['Tue Nov 24 10:01:00 2026', 60_000],
  ['Tue Dec  1 10:00:00 2026', 7 * 24 * HOUR_MS],
  ['Tue, 24 Nov 2026 09:00:00 GMT', 0],
])('Retry-After %j asks for a wait of %i ms', (header, ms) => {
  expect(retryAfterMs(header, NOW)).toBe(ms);
});

test.each([
  ...['', 'soon', '-5', '1e3', '5 s', '.5', '5.', '2026-11-24T10:01:00Z', '11/24/2026', '1,5', '0x10', 'Infinity'],
  'Tue, 24 Nov 2026 10:01:00',
  'Tue, 24 Nov 2026 10:01:00 +0100',
  'Wed, 24 Nov 2026 10:01:00 GMT',
  'Mon, 30 Feb 2026 10:01:00 GMT',
  'Tue, 24 Nov 2026 25:01:00 GMT',
  'tue, 24 nov 2026 10:01:00 gmt',
])('Retry-After %j asks for nothing', (header) => {
  expect(retryAfterMs(header, NOW)).toBeNull();
  expect(retryAfterMs(null, NOW)).toBeNull();
});

test('a year of two digits is at most fifty years ahead', () => {
  expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', NOW)).toBe(Date.parse('1994-11-06T08:49:37Z'));
  expect(parseHttpDate('Tuesday, 24-Nov-76 08:49:37 GMT', NOW)).toBe(Date.parse('2076-11-24T08:49:37Z'));
});
