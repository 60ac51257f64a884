import { createHash } from 'node:crypto';

export const WINDOW_MS = 60_000;
const SHARE_EVERY_MS = 500;
const MAX_KEYS = 50_000;
const BATCH = 1_000;

/** Where the processes of the service add up what each has counted. */
export interface SharedCounts {
  /** Adds to some counts and says what each has come to; it answers or rejects within a fraction of a second. */
  readonly add: (counts: ReadonlyMap<string, number>, keepMs: number) => Promise<ReadonlyMap<string, number>>;
}

interface Count {
  /** What all processes had counted when this one last heard of it. */
  shared: number;
  /** What only this process knows of. */
  own: number;
}

export interface Counted {
  readonly current: number;
  readonly ttl: number;
}

export interface Counts {
  /** Counts one request; says how many there were in this minute, and for how many milliseconds it lasts on. */
  readonly count: (key: string) => Counted;
  /** The same without counting. */
  readonly look: (key: string) => Counted;
  readonly close: () => Promise<void>;
}

/** The shared store is told how often a caller called, and not which caller. */
const nameOf = (minute: number, key: string): string =>
  `${minute}:${createHash('sha256').update(key).digest('base64url').slice(0, 22)}`;

/**
 * Counts requests by key in whole minutes. A request is counted in memory and waits for nothing; what processes have
 * counted they tell each other twice a second, and while that fails each counts for itself.
 */
export function createCounts(shared: SharedCounts | null, now: () => number = Date.now): Counts {
  let minute = 0;
  let counts = new Map<string, Count>();
  let timer: NodeJS.Timeout | undefined;
  let sharing: Promise<void> = Promise.resolve();

  const share = async (store: SharedCounts): Promise<void> => {
    const told = [...counts]
      .filter(([, { own }]) => own > 0)
      .map(([key, count]) => ({ name: nameOf(minute, key), count, own: count.own }));
    for (let start = 0; start < told.length; start += BATCH) {
      const batch = told.slice(start, start + BATCH);
      const totals = await store.add(new Map(batch.map(({ name, own }) => [name, own])), 2 * WINDOW_MS);
      for (const { name, count, own } of batch) {
        count.shared = totals.get(name) ?? count.shared;
        count.own -= own;
      }
    }
  };

  const shareSoon = () => {
    if (shared === null || timer !== undefined) return;
    timer = setTimeout(() => {
      sharing = share(shared)
        .catch(() => {}) // what was not told now is told next time
        .finally(() => {
          timer = undefined;
        });
    }, SHARE_EVERY_MS).unref();
  };

  /** Begins anew with each minute; says how much of it is left. */
  const turn = (): number => {
    const at = now();
    const current = Math.floor(at / WINDOW_MS);
    if (current !== minute) [minute, counts] = [current, new Map()];
    return (current + 1) * WINDOW_MS - at;
  };

  return {
    look: (key) => {
      const ttl = turn();
      const { shared: others = 0, own = 0 } = counts.get(key) ?? {};
      return { current: others + own, ttl };
    },
    count: (key) => {
      const ttl = turn();
      const count = counts.get(key) ?? { shared: 0, own: 0 };
      if (!counts.has(key)) {
        // The memory for addresses is full: further ones are let through.
        if (counts.size >= MAX_KEYS) return { current: 0, ttl };
        counts.set(key, count);
      }
      count.own += 1;
      shareSoon();
      return { current: count.shared + count.own, ttl };
    },
    close: async () => {
      clearTimeout(timer);
      await sharing;
    },
  };
}
