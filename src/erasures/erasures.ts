import type { Logger } from 'pino';
import { type Database, isTransient, type Tx, withTx } from '../platform/postgres/database.ts';
import { isolate } from '../platform/postgres/isolate.ts';
import { withRetry } from '../platform/postgres/retry.ts';
import {
  actionableErasures,
  commentsLeft,
  disputesInScope,
  type Erasable,
  type EraseCopies,
  type ErasedBatch,
  type ErasureRow,
  eraseComments,
  finishErasure,
  requestErasure,
  type Scope,
} from './store.ts';

export type { EraseCopies } from './store.ts';

const BATCH = 50;
const USERS_AT_ONCE = 100;
const HOUSEKEEPING_BATCHES = 40;

export interface ErasureDeps {
  readonly db: Database;
  readonly eraseCopies: EraseCopies;
  /** Told of a dispute whose comments could not be erased; it is tried again with the next round. */
  readonly onFailure: (disputeId: string, error: unknown) => void;
}

/** Erases one batch; with `only`, the comments of these disputes. */
async function eraseBatch({ db, eraseCopies }: ErasureDeps, scope: Scope): Promise<ErasedBatch> {
  const erase = (tx: Tx) => eraseComments(tx, scope, BATCH, eraseCopies);
  return await withRetry(() => withTx(db, erase), { idempotent: true });
}

/** Finds the dispute whose comments cannot be erased among the next ones, and erases those of the others. */
async function eraseOneByOne(deps: ErasureDeps, scope: Scope, failed: Set<string>): Promise<ErasedBatch> {
  const disputeIds = await disputesInScope(deps.db, scope, BATCH);
  const batches = await isolate([disputeIds], {
    work: (only) => eraseBatch(deps, { ...scope, only }),
    setAside: (disputeId, error) => {
      failed.add(disputeId);
      deps.onFailure(disputeId, error);
    },
  });
  return { comments: batches.reduce((sum, { comments }) => sum + comments, 0), isFull: true };
}

/** Erases what is meant in up to `batches` batches, each in a transaction of its own; repeating it is safe. */
async function eraseInBatches(deps: ErasureDeps, erasable: Erasable, batches: number): Promise<number> {
  const failed = new Set<string>();
  let erased = 0;
  for (let batch = 0; batch < batches; batch += 1) {
    const scope = { erasable, except: [...failed], only: null };
    const { comments, isFull } = await eraseBatch(deps, scope).catch((error: unknown) => {
      if (isTransient(error)) throw error;
      return eraseOneByOne(deps, scope, failed);
    });
    erased += comments;
    if (!isFull) break;
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
  const finish = () => withTx(db, (tx) => finishErasure(tx, erasure));
  if (waiting === 0) await withRetry(finish, { idempotent: true });
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

/** Goes on with the erasures that can go on; one that fails is logged and stops no other. Says how many comments are erased. */
async function continueErasures(deps: ErasureDeps, log: Logger): Promise<number> {
  let erased = 0;
  const groups = (await actionableErasures(deps.db, USERS_AT_ONCE)).map((erasure) => [erasure]);
  await isolate(groups, {
    work: async (some) => {
      for (const erasure of some) erased += (await proceed(deps, erasure, HOUSEKEEPING_BATCHES)).erased;
    },
    setAside: ({ userId }, error) => log.error({ err: error, userId }, 'an erasure failed and will be tried again'),
  });
  return erased;
}

/** A transient failure of the erasures that were asked for does not keep those from being made whose time has come. */
async function continueThen<T>(deps: ErasureDeps, log: Logger, others: () => Promise<T>) {
  const [requested] = await Promise.allSettled([continueErasures(deps, log)]);
  const rest = await others();
  if (requested.status === 'rejected') throw requested.reason;
  return [requested.value, rest] as const;
}

/**
 * Erases a bounded number of comments whose time has come: those of users who asked for it, and those of disputes that
 * were resolved longer than `retentionMs` ago.
 * @param retentionMs null keeps comments that no user asked to have erased
 */
export async function eraseDueComments(
  { log, ...stores }: Omit<ErasureDeps, 'onFailure'> & { readonly log: Logger },
  retentionMs: number | null,
): Promise<'more' | 'done'> {
  const onFailure = (disputeId: string, error: unknown) =>
    log.error({ err: error, disputeId }, 'comments of a dispute could not be erased and will be tried again');
  const deps = { ...stores, onFailure };
  const [requested, expired] = await continueThen(deps, log, async () =>
    retentionMs === null ? 0 : await eraseInBatches(deps, { resolvedForMs: retentionMs }, HOUSEKEEPING_BATCHES),
  );
  if (requested + expired > 0) log.info({ requested, expired }, 'comments were erased');
  return requested + expired > 0 ? 'more' : 'done';
}
