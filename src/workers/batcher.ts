/** Takes one item and promises its result. */
export type Collect<T, R> = (item: T) => Promise<R>;

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects what arrives within `waitMs`, or until there are `limit` items, and has it done at once.
 * @param work gets the items and answers with their results, in the same order; if it fails, so does every item
 */
export function createBatcher<T, R>(
  { waitMs, limit }: { readonly waitMs: number; readonly limit: number },
  work: (items: readonly T[]) => Promise<readonly R[]>,
): Collect<T, R> {
  let waiting: Waiting<T, R>[] = [];
  let timer: NodeJS.Timeout | undefined;

  const flush = async () => {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    try {
      const results = await work(batch.map(({ item }) => item));
      for (const [index, { resolve }] of batch.entries()) resolve(results[index] as R);
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
