/** A row of the table: what was measured side by side. */
export interface Row {
  readonly name: string;
  readonly what: string;
  readonly against: string;
  /** What the ratio of the medians has to be; null where it is only told. */
  readonly reach: { readonly atLeast: number } | { readonly atMost: number } | null;
  readonly unit: string;
  /** A figure for each round, ours and the other. */
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  /** Where the ratio is not ours over theirs, and what else was measured. */
  readonly more?: Readonly<Record<string, number | string>>;
}

/** The middle one of the values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The median of the ratios of each round, so that what slows a whole round down slows both. */
export function ratioOf({ ours, theirs }: Pick<Row, 'ours' | 'theirs'>): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

/** Whether a row has what it is to reach; null where nothing is asked of it. */
export function isReached(row: Row): boolean | null {
  const ratio = ratioOf(row);
  if (row.reach === null) return null;
  return 'atLeast' in row.reach ? ratio >= row.reach.atLeast : ratio <= row.reach.atMost;
}

/** Measures both in each round, the other one first in every second round. */
export async function alternate(
  rounds: number,
  ours: (round: number) => Promise<number>,
  theirs: (round: number) => Promise<number>,
): Promise<{ ours: number[]; theirs: number[] }> {
  const result = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 1; round <= rounds; round += 1) {
    const parts = [
      async () => result.ours.push(await ours(round)),
      async () => result.theirs.push(await theirs(round)),
    ];
    if (round % 2 === 0) parts.reverse();
    for (const part of parts) await part();
  }
  return result;
}
