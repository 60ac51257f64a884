/** Takes one item and promises its result. */
export type Collect<T, R> = (item: T) => Promise<R>;

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/** What came of one item: its result, or why it failed while others did not. */
export type ItemOutcome<R> = { readonly result: R } | { readonly error: unknown };

/**
 * Collects what arrives within `waitMs`, or until there are `limit` items, and has it done at once.
 * @param work gets the items and answers with what came of each, in the same order; if it throws, every item fails
 */
export function createBatcher<T, R>(
  { waitMs, limit }: { readonly waitMs: number; readonly limit: number },
  work: (items: readonly T[]) => Promise<readonly ItemOutcome<R>[]>,
): Collect<T, R> {
  let waiting: Waiting<T, R>[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = async () => {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    try {
      const outcomes = await work(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const outcome = outcomes[index] ?? { error: new Error('a batch gave no outcome for one of its items') };
        if ('error' in outcome) reject(outcome.error);
        else resolve(outcome.result);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (waiting.length >= limit) void flush();
      else timer ??= setTimeout(() => void flush(), waitMs);
    });
}
