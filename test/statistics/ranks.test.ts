import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countOf, nearestRanks, PACKED_BYTES } from '../../src/statistics/ranks.ts';

const PERCENTS = [1, 50, 90, 99, 100];

function pack(numbers: readonly number[]): Uint8Array {
  const packed = Buffer.alloc(numbers.length * PACKED_BYTES);
  for (const [index, number] of numbers.entries()) packed.writeUIntBE(number, index * PACKED_BYTES, PACKED_BYTES);
  return packed;
}

/** The smallest of all such that at least so many percent are no greater, found by trying each. */
function naive(numbers: readonly number[], percent: number): number | null {
  const candidates = numbers.filter(
    (one) => numbers.filter((other) => other <= one).length * 100 >= percent * numbers.length,
  );
  return candidates.length === 0 ? null : Math.min(...candidates);
}

// Many alike in their first digits, and many that are the same.
const number = fc.oneof(
  fc.nat({ max: 5 }),
  fc.integer({ min: 65_530, max: 65_545 }),
  fc.nat({ max: 345_600_000 }),
  fc.integer({ min: 2 ** 32 - 3, max: 2 ** 32 + 3 }),
  fc.nat({ max: 2 ** 48 - 1 }),
);

describe('percentiles', () => {
  test('are those that a naive search finds, in however many pieces the numbers come', () => {
    fc.assert(
      fc.property(fc.array(fc.array(number, { maxLength: 30 }), { maxLength: 5 }), (pieces) => {
        const all = pieces.flat();
        const packed = pieces.map(pack);
        expect(countOf(packed)).toBe(all.length);
        expect(nearestRanks(packed, PERCENTS)).toEqual(PERCENTS.map((percent) => naive(all, percent)));
      }),
      { numRuns: 500 },
    );
  });

  test('of a hundred numbers are the ones in their places', () => {
    const numbers = Array.from({ length: 100 }, (_, index) => (index + 1) * 1_000);
    expect(nearestRanks([pack(numbers.toReversed())], [50, 90, 99])).toEqual([50_000, 90_000, 99_000]);
  });
});
