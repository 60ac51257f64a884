import { isTransient } from './database.ts';

/**
 * Groups of items that are still to be processed. A caller that keeps them from round to round keeps what has been narrowed
 * down, also where a transient failure ends a round.
 */
export type Groups<T> = (readonly T[])[];

export interface Isolation<T, R> {
  /** Processes a batch: all of it, or none of it when it throws. It has to be safe to repeat. */
  readonly work: (items: readonly T[]) => Promise<R>;
  /** Notes the item that fails on its own. When this throws, the item stays among the groups. */
  readonly setAside: (item: T, error: unknown) => Promise<void> | void;
  /** How many items a batch has at most; asked before each batch. Default: a whole group. */
  readonly batchSize?: () => number;
  /** Groups of up to this size stay whole after a transient failure. Default: 1. */
  readonly wholeUpTo?: number;
  /** Whether items are processed in their order, for work that moves a position; without it larger parts come first. */
  readonly isInOrder?: true;
  /** Told of each transient failure, before it is thrown. */
  readonly onTransient?: () => void;
}

/** Two halves of some items, the first one larger where their number is odd. */
function halvesOf<T>(items: readonly T[]): Groups<T> {
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

function takeBatch<T>(groups: Groups<T>, size: number): readonly T[] {
  const group = groups.shift() ?? [];
  if (group.length > size) groups.unshift(group.slice(size));
  return group.slice(0, size);
}

async function putBack<T, R>(groups: Groups<T>, items: readonly T[], error: unknown, how: Isolation<T, R>) {
  const { setAside, wholeUpTo = 1, isInOrder, onTransient } = how;
  const [first] = items;
  if (isTransient(error)) {
    // Smaller batches finish between two broken connections.
    groups.unshift(...(items.length > wholeUpTo ? halvesOf(items) : [items]));
    onTransient?.();
    throw error;
  }
  if (first === undefined || items.length > 1) {
    if (isInOrder) groups.unshift(...halvesOf(items));
    else groups.push(...halvesOf(items));
    return;
  }
  try {
    await setAside(first, error);
  } catch (failure) {
    groups.unshift(items);
    throw failure;
  }
}

/**
 * Processes groups of items until none is left, so that one bad item never stops its neighbours. A batch that fails is halved
 * until the bad item stands alone and is set aside: one among five hundred costs some twenty batches more. Several calls may share the same groups.
 * @param groups emptied while it works; what a thrown error leaves there is still to be processed
 * @returns the results of the batches that succeeded
 * @throws transient failures (a connection, a lock, a timeout), which say nothing about any item
 */
export async function isolate<T, R>(groups: Groups<T>, how: Isolation<T, R>): Promise<R[]> {
  const results: R[] = [];
  while (groups.length > 0) {
    const items = takeBatch(groups, how.batchSize?.() ?? Number.POSITIVE_INFINITY);
    if (items.length === 0) continue;
    try {
      results.push(await how.work(items));
    } catch (error) {
      await putBack(groups, items, error, how);
    }
  }
  return results;
}
