/** How many keys are told apart; the oldest is forgotten. */
const MOST_KEYS = 100;

/** Decides whether to write: how many times it was kept back before (0 or more), or null to keep it back now. */
export type Bounded = (key: string) => number | null;

/**
 * Bounds how often the same thing is written to the log, by key: once in a time.
 * @param quietMs how long it is kept back after it was written, in milliseconds
 * @param now a clock in milliseconds
 */
export function createBounded(quietMs: number, now: () => number = () => performance.now()): Bounded {
  const written = new Map<string, { readonly at: number; keptBack: number }>();
  return (key) => {
    const last = written.get(key);
    if (last !== undefined && now() - last.at < quietMs) {
      last.keptBack += 1;
      return null;
    }
    const [oldest] = written.keys();
    if (last === undefined && oldest !== undefined && written.size >= MOST_KEYS) written.delete(oldest);
    written.set(key, { at: now(), keptBack: 0 });
    return last?.keptBack ?? 0;
  };
}
