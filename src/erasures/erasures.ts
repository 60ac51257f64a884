import { type Database, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import {
  commentsLeft,
  type Erasable,
  type ErasureRow,
  eraseComments,
  finishErasure,
  requestErasure,
  unfinishedErasures,
} from './store.ts';

const BATCH = 200;
const USERS_AT_ONCE = 100;

/** Erases what is meant in up to `batches` batches, each in a transaction of its own; repeating it is safe. */
async function eraseInBatches(db: Database, erasable: Erasable, batches: number): Promise<number> {
  let erased = 0;
  for (let batch = 0; batch < batches; batch += 1) {
    const gone = await withRetry(() => withTx(db, (tx) => eraseComments(tx, erasable, BATCH)), { idempotent: true });
    erased += gone;
    if (gone < BATCH) break;
  }
  return erased;
}

export interface ErasureProgress {
  readonly erasure: ErasureRow;
  /** Comments that were erased now. */
  readonly erased: number;
  /** Comments that wait for their dispute to be resolved, or for the next round. */
  readonly waiting: number;
}

async function proceed(db: Database, erasure: ErasureRow, batches: number): Promise<ErasureProgress> {
  const erased = await eraseInBatches(db, erasure, batches);
  const waiting = await commentsLeft(db, erasure);
  if (waiting === 0) await withTx(db, (tx) => finishErasure(tx, erasure));
  return { erasure, erased, waiting };
}

/** Erases what a user has written until now; what cannot be erased yet, the workers go on with. */
export async function eraseUser(
  db: Database,
  userId: string,
  requestedBy: string,
  batches: number,
): Promise<ErasureProgress> {
  const record = () => withTx(db, (tx) => requestErasure(tx, userId, requestedBy));
  return await proceed(db, await withRetry(record, { idempotent: true }), batches);
}

/** Goes on with the erasures that wait for something; says how many comments it has erased. */
export async function continueErasures(db: Database, batches: number): Promise<number> {
  let erased = 0;
  for (const erasure of await unfinishedErasures(db, USERS_AT_ONCE)) {
    erased += (await proceed(db, erasure, batches)).erased;
  }
  return erased;
}

/** Erases everybody's comments in disputes that were resolved longer than this ago; says how many. */
export function eraseExpired(db: Database, resolvedForMs: number, batches: number): Promise<number> {
  return eraseInBatches(db, { resolvedForMs }, batches);
}
