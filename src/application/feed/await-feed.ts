import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../platform/postgres/database.ts';
import { endOfFeed, type FeedPage, type FeedRequest, readFeed } from '../../store/feed.ts';
import { POLL_MS, sequenceLog } from './feed.ts';

/** One reader of the end of the log for all long polls of this process. It reads only while there are any. */
interface EndWatch {
  /** Resolves when the log ends elsewhere than at `end`, when it cannot be read, or when `signal` aborts; it never rejects. */
  readonly moved: (end: number, signal: AbortSignal) => Promise<void>;
}

interface Waiting {
  readonly end: number;
  readonly wake: () => void;
}

function createEndWatch(db: Database): EndWatch {
  const waiting = new Set<Waiting>();
  let isRunning = false;

  /** The end of the log; null where it cannot be read: each long poll finds that out by its own read. */
  const look = async (): Promise<number | null> => {
    try {
      await sequenceLog(db);
      return await endOfFeed(db);
    } catch {
      return null;
    }
  };
  const run = async () => {
    while (waiting.size > 0) {
      await sleep(POLL_MS, undefined, { ref: false });
      if (waiting.size === 0) break;
      const end = await look();
      for (const one of waiting) if (one.end !== end) one.wake();
    }
    isRunning = false;
  };
  return {
    moved: (end, signal) =>
      new Promise((resolve) => {
        const one: Waiting = {
          end,
          wake: () => {
            waiting.delete(one);
            signal.removeEventListener('abort', one.wake);
            resolve();
          },
        };
        if (signal.aborted) return resolve();
        signal.addEventListener('abort', one.wake);
        waiting.add(one);
        if (isRunning) return;
        isRunning = true;
        void run();
      }),
  };
}

const watches = new WeakMap<Database, EndWatch>();

function watchOf(db: Database): EndWatch {
  const known = watches.get(db);
  if (known !== undefined) return known;
  const watch = createEndWatch(db);
  watches.set(db, watch);
  return watch;
}

/**
 * Reads the feed; with `waitMs` it waits for something to come if there is nothing yet. While the log does not grow, all that
 * wait cost one read of its end five times a second. A position beyond the end of the log is not waited for: compare `after`
 * with the page's `end`.
 * @param signal ends the waiting early, when the caller has gone or the process stops
 */
export async function awaitFeed(
  db: Database,
  request: FeedRequest,
  waitMs: number,
  signal: AbortSignal,
): Promise<FeedPage> {
  const until = performance.now() + waitMs;
  let { after } = request;
  await sequenceLog(db);
  for (;;) {
    const page = await readFeed(db, { ...request, after });
    const restMs = until - performance.now();
    if (page.rows.length > 0 || request.after > page.end || signal.aborted) return page;
    if (page.isAtEnd && restMs <= 0) return page;
    after = page.nextAfter;
    if (page.isAtEnd)
      await watchOf(db).moved(page.end, AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(restMs))]));
  }
}
