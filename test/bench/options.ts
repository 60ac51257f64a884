/** How much is measured. */
export interface BenchOptions {
  readonly rounds: number;
  /** Of each measurement, warm-up apart. */
  readonly seconds: number;
  /** How many deadlines fall due together. */
  readonly herd: number;
  /** How many fall due within a minute, with an api beside them. */
  readonly flood: number;
  /** How many disputes are open in the large database; five times as many are resolved. */
  readonly large: number;
}

export const WHOLE: BenchOptions = { rounds: 5, seconds: 6, herd: 100_000, flood: 60_000, large: 1_000_000 };
/** To see that it works, in a few minutes; its figures say little. */
export const QUICK: BenchOptions = { rounds: 1, seconds: 2, herd: 5_000, flood: 20_000, large: 5_000 };
