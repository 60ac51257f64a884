import { describe, expect, test } from 'vitest';
import { freeSlots, LONGEST_ATTEMPT_MS, MOST_UNDER_WAY, SLOW_MS } from '../../src/webhooks/slots.ts';
import { OUTAGE_FAILURES } from '../../src/webhooks/states.ts';

const HEALTHY = { failures: OUTAGE_FAILURES - 1 };
const FAILING = { failures: OUTAGE_FAILURES };
const attempts = (count: number, isRetry: boolean, forMs: number) =>
  Array.from({ length: count }, () => ({ isRetry, forMs }));

describe('an endpoint', () => {
  test.each([
    ['has 16 slots for first attempts and 4 for retries', [], { firsts: 16, retries: 4 }],
    ['keeps the slots of first attempts from retries', attempts(4, true, 0), { firsts: 16, retries: 0 }],
    ['keeps the slots of retries from first attempts', attempts(16, false, 0), { firsts: 0, retries: 4 }],
    ['gives the slot of an attempt that hangs to others', attempts(20, false, SLOW_MS), { firsts: 12, retries: 4 }],
    [
      'does so while fewer than 32 of a kind are under way',
      attempts(MOST_UNDER_WAY, true, SLOW_MS),
      { firsts: 16, retries: 0 },
    ],
    [
      'does not wait for a sender that died',
      attempts(MOST_UNDER_WAY, false, LONGEST_ATTEMPT_MS),
      { firsts: 16, retries: 4 },
    ],
    ['has no fewer than no slots', attempts(40, false, 0), { firsts: 0, retries: 4 }],
  ])('%s', (_name, underWay, free) => {
    expect(freeSlots(HEALTHY, underWay)).toEqual(free);
  });

  test('that fails in a row is probed by one first attempt and one retry at a time', () => {
    expect(freeSlots(FAILING, [])).toEqual({ firsts: 1, retries: 1 });
    expect(freeSlots(FAILING, attempts(1, false, SLOW_MS - 1))).toEqual({ firsts: 0, retries: 1 });
    expect(freeSlots(FAILING, attempts(1, false, SLOW_MS))).toEqual({ firsts: 1, retries: 1 });
  });
});
