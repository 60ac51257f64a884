import { describe, expect, test } from 'vitest';
import { createServerClock } from '../../../ui/src/service/clock.ts';
import { inWords, milestone, remaining, roughly } from '../../../ui/src/texts/countdown.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('the countdown', () => {
  test.each([
    [48 * HOUR, { days: 0, clock: '48:00:00' }],
    [96 * HOUR - 1_000, { days: 0, clock: '95:59:59' }],
    [90 * DAY - 1, { days: 90, clock: '00:00:00' }],
    [100 * HOUR, { days: 4, clock: '04:00:00' }],
    [9_000, { days: 0, clock: '00:00:09' }],
    [1, { days: 0, clock: '00:00:01' }],
  ])('shows %d ms as whole seconds, rounded up', (leftMs, shown) => {
    expect(remaining(leftMs)).toEqual({ ...shown, isOver: false });
  });

  test.each([0, -1, -DAY])('shows zero and is over at %d ms', (leftMs) => {
    expect(remaining(leftMs)).toEqual({ days: 0, clock: '00:00:00', isOver: true });
  });

  test('passes 24 h, 2 h, 10 min and the end, and nothing before', () => {
    const passed = [25 * HOUR, DAY, 3 * HOUR, 2 * HOUR, HOUR, 600_000, 1, 0, -5].map(milestone);
    expect(passed).toEqual([undefined, DAY, DAY, 2 * HOUR, 2 * HOUR, 600_000, 600_000, 0, 0]);
  });

  test('says windows as people do, and what is left in one unit', () => {
    expect([48 * HOUR, 96 * HOUR, 90 * 60_000, 45_000].map(inWords)).toEqual([
      { unit: 'hour', count: 48 },
      { unit: 'day', count: 4 },
      { unit: 'minute', count: 90 },
      { unit: 'second', count: 45 },
    ]);
    expect([3 * DAY, 24 * HOUR, 600_000, 30_000, -1].map(roughly)).toEqual([
      { unit: 'day', count: 3 },
      { unit: 'hour', count: 24 },
      { unit: 'minute', count: 10 },
      { unit: 'second', count: 30 },
      { unit: 'second', count: 0 },
    ]);
  });
});

describe("the service's clock in a page", () => {
  const noon = Date.parse('2026-11-23T12:00:00.000Z');
  const at = (ms: number) => new Date(noon + ms).toISOString();

  test('counts by the monotonic clock from the middle of the request', () => {
    let monotonic = 1_000;
    const clock = createServerClock(() => monotonic);
    expect(clock.now()).toBeNaN();
    clock.sync(at(0), 800, 1_000);
    expect(clock.now()).toBe(noon + 100);
    monotonic += 60_000;
    expect(clock.now()).toBe(noon + 60_100);
  });

  test('keeps to a quick answer while slower ones agree with it, and follows one that does not', () => {
    let monotonic = 20;
    const clock = createServerClock(() => monotonic);
    clock.sync(at(0), 0, 20);
    monotonic = 10_000;
    clock.sync(at(9_000), 8_000, 10_000);
    expect(clock.now()).toBe(noon + 9_990);
    // An hour is far beyond what the network explains: the clock of the order was moved.
    clock.sync(at(3_600_000), 9_000, 10_000);
    expect(clock.now()).toBe(noon + 3_600_500);
  });

  test('stands still for an order on a test clock, and goes on with one that is not', () => {
    let monotonic = 0;
    const clock = createServerClock(() => monotonic);
    clock.sync(at(0), 0, 10, true);
    monotonic = 5_000;
    expect(clock.now()).toBe(noon);
    clock.sync(at(7_000), 5_000, 5_000);
    monotonic = 6_000;
    expect(clock.now()).toBe(noon + 8_000);
  });
});
