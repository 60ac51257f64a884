import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, withTx } from '../../platform/postgres/database.ts';
import { withRetry } from '../../platform/postgres/retry.ts';
import { type FeedPage, type FeedRequest, hasUnsequenced, readFeed, sequenceEntries } from '../../store/feed.ts';

export type { FeedRow } from '../../store/feed.ts';

const BATCH = 5_000;
/** How often a reader that waits looks again. */
export const POLL_MS = 200;

/** Gives every committed entry its number. Called before the log is read or worked on. */
export async function sequenceLog(db: Database): Promise<void> {
  for (;;) {
    if (!(await hasUnsequenced(db))) return;
    // Not repeated after a commit that may have happened: what it numbered would not be counted.
    const number = () => withTx(db, (tx) => sequenceEntries(tx, BATCH));
    const numbered = await withRetry(number, { idempotent: false });
    if (numbered < BATCH) return;
  }
}

/**
 * Reads the feed; with `waitMs` it waits for something to come if there is nothing yet. A position beyond the end of the
 * log is not waited for: compare `after` with the page's `end`.
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
  for (;;) {
    await sequenceLog(db);
    const page = await readFeed(db, { ...request, after });
    if (page.rows.length > 0 || request.after > page.end || signal.aborted) return page;
    if (page.isAtEnd && performance.now() >= until) return page;
    after = page.nextAfter;
    if (page.isAtEnd) await sleep(POLL_MS, undefined, { signal }).catch(() => {}); // woken early, it looks a last time
  }
}
