/** Numbers as they are kept for ranking: six bytes each, the most significant first, one after the other. */
export type Packed = Uint8Array;

export const PACKED_BYTES = 6;
const DIGIT = 65_536;

/** A number of which we know the first digits (base 65,536), and its rank among those that share them. */
interface Target {
  readonly prefix: number;
  readonly rank: number;
}

/** The first `known` bytes of the number at a place. */
function prefixAt(numbers: Packed, at: number, known: number): number {
  let prefix = 0;
  for (let byte = 0; byte < known; byte += 1) prefix = prefix * 256 + (numbers[at + byte] ?? 0);
  return prefix;
}

/** Counts the next digit of all numbers that begin with a prefix of so many bytes. */
function countDigits(packed: readonly Packed[], known: number, prefix: number): Uint32Array {
  const counts = new Uint32Array(DIGIT);
  for (const numbers of packed) {
    for (let at = 0; at < numbers.length; at += PACKED_BYTES) {
      if (known > 0 && prefixAt(numbers, at, known) !== prefix) continue;
      const digit = prefixAt(numbers, at + known, 2);
      counts[digit] = (counts[digit] ?? 0) + 1;
    }
  }
  return counts;
}

function narrowed({ prefix, rank }: Target, counts: Uint32Array): Target {
  let digit = 0;
  let left = rank;
  for (let here = counts[0] ?? 0; left > here; here = counts[digit] ?? 0) {
    left -= here;
    digit += 1;
  }
  return { prefix: prefix * DIGIT + digit, rank: left };
}

/** How many numbers there are. */
export function countOf(packed: readonly Packed[]): number {
  return packed.reduce((sum, { byteLength }) => sum + byteLength / PACKED_BYTES, 0);
}

/**
 * Percentiles by nearest rank: the smallest number such that at least so many percent of all are no greater. Each is one
 * of the numbers themselves; null where there are none. It goes through all numbers digit by digit, three for each percent
 * at most and whatever they are, and neither sorts nor copies them.
 */
export function nearestRanks(packed: readonly Packed[], percents: readonly number[]): (number | null)[] {
  const count = countOf(packed);
  if (count === 0) return percents.map(() => null);
  let targets = percents.map((percent): Target => ({ prefix: 0, rank: Math.ceil((count * percent) / 100) }));
  for (let known = 0; known < PACKED_BYTES; known += 2) {
    const counts = new Map<number, Uint32Array>();
    targets = targets.map((target) => {
      const digits = counts.get(target.prefix) ?? countDigits(packed, known, target.prefix);
      counts.set(target.prefix, digits);
      return narrowed(target, digits);
    });
  }
  return targets.map(({ prefix }) => prefix);
}
