import { type Database, withTx } from '../../platform/postgres/database.ts';
import { withRetry } from '../../platform/postgres/retry.ts';
import { hasUnsequenced, sequenceEntries } from '../../store/feed.ts';

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
