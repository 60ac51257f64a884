import type { Logger } from 'pino';
import { type Database, type Tx, withTx } from '../platform/postgres/database.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import {
  commentsLeft,
  type Erasable,
  type EraseCopies,
  type ErasureRow,
  eraseComments,
  finishErasure,
  requestErasure,
  unfinishedErasures,
} from './store.ts';

export type { EraseCopies } from './store.ts';

const BATCH = 200;
const USERS_AT_ONCE = 100;
const HOUSEKEEPING_BATCHES = 10;

export interface ErasureDeps {
  readonly db: Database;
  readonly eraseCopies: EraseCopies;
}

/** Erases what is meant in up to `batches` batches, each in a transaction of its own; repeating it is safe. */
async function eraseInBatches({ db, eraseCopies }: ErasureDeps, erasable: Erasable, batches: number): Promise<number> {
  let erased = 0;
  for (let batch = 0; batch < batches; batch += 1) {
    const erase = (tx: Tx) => eraseComments(tx, erasable, BATCH, eraseCopies);
    const gone = await withRetry(() => withTx(db, erase), { idempotent: true });
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

async function proceed(deps: ErasureDeps, erasure: ErasureRow, batches: number): Promise<ErasureProgress> {
  const { db } = deps;
  const erased = await eraseInBatches(deps, erasure, batches);
  const waiting = await commentsLeft(db, erasure);
  if (waiting === 0) await withTx(db, (tx) => finishErasure(tx, erasure));
  return { erasure, erased, waiting };
}

/** Erases what a user has written until now; what cannot be erased yet, the workers go on with. */
export async function eraseUser(
  deps: ErasureDeps,
  userId: string,
  requestedBy: string,
  batches: number,
): Promise<ErasureProgress> {
  const record = () => withTx(deps.db, (tx) => requestErasure(tx, userId, requestedBy));
  return await proceed(deps, await withRetry(record, { idempotent: true }), batches);
}

/** Goes on with the erasures that wait for something; says how many comments it has erased. */
async function continueErasures(deps: ErasureDeps, batches: number): Promise<number> {
  let erased = 0;
  for (const erasure of await unfinishedErasures(deps.db, USERS_AT_ONCE)) {
    erased += (await proceed(deps, erasure, batches)).erased;
  }
  return erased;
}

/**
 * Erases a bounded number of comments whose time has come: those of users who asked for it, and those of disputes that
 * were resolved longer than `retentionMs` ago.
 * @param retentionMs null keeps comments that no user asked to have erased
 */
export async function eraseDueComments(
  deps: ErasureDeps,
  { retentionMs, log }: { readonly retentionMs: number | null; readonly log: Logger },
): Promise<'more' | 'done'> {
  const requested = await continueErasures(deps, HOUSEKEEPING_BATCHES);
  const isExpiring = retentionMs !== null;
  const expired = isExpiring ? await eraseInBatches(deps, { resolvedForMs: retentionMs }, HOUSEKEEPING_BATCHES) : 0;
  if (requested + expired > 0) log.info({ requested, expired }, 'comments were erased');
  return requested + expired > 0 ? 'more' : 'done';
}
