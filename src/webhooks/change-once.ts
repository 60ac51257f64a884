import { type IdempotencyKey, type Outcome, runOnce, type StoredResponse } from '../application/idempotent.ts';
import type { Database, Tx } from '../platform/postgres/database.ts';
import { type EndpointRow, lockEndpoint } from './store/endpoints.ts';

export interface ManageDeps {
  readonly db: Database;
  /** Makes a UUID v7. */
  readonly newId: () => string;
}

/** Who changes endpoints. */
export interface Manager {
  readonly id: string;
  /** Without this right it may not change an endpoint that receives comments, nor make one receive them. */
  readonly mayReadComments: boolean;
}

/** Why nothing was changed. */
export type Refusal =
  | { readonly refused: 'no_endpoint' | 'no_delivery' | 'comments_not_allowed' | 'too_many_endpoints' }
  | { readonly refused: 'position_ahead'; readonly end: number };

/** Ends a transaction without an effect, so that its key stays free. */
export class RefusedError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.refused);
    this.name = 'RefusedError';
    this.refusal = refusal;
  }
}

/** Runs a change; what ends it as refused becomes a value. */
export async function orRefusal<T>(work: () => Promise<T>): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RefusedError) return error.refusal;
    throw error;
  }
}

/**
 * A change of an endpoint that receives comments needs the right to read comments: a new URL, a new secret or a replay would
 * hand them to the caller. It is checked on the row under its lock, as it is and as it will be.
 */
export function checkMayChange(
  { mayReadComments }: Manager,
  { includeComments }: Pick<EndpointRow, 'includeComments'>,
): void {
  if (includeComments && !mayReadComments) throw new RefusedError({ refused: 'comments_not_allowed' });
}

/** Locks an endpoint for a change until the transaction ends; undefined if there is none. */
export async function lockForChange(tx: Tx, manager: Manager, id: string): Promise<EndpointRow | undefined> {
  const endpoint = await lockEndpoint(tx, id);
  if (endpoint !== undefined) checkMayChange(manager, endpoint);
  return endpoint;
}

/** A request for a change that is made at most once for its key. */
export interface Asked {
  readonly manager: Manager;
  readonly key: IdempotencyKey | null;
  /** The endpoint, or the delivery, that it is about. */
  readonly id: string;
}

type Work<R> = (tx: Tx, endpoint: EndpointRow) => Promise<R>;

/**
 * Runs a change at most once for a key, with the endpoint that `lock` has locked. The right to change it is checked before
 * an earlier answer to the key is given again: the answer may hold the secret.
 */
export function runLocked<R extends StoredResponse>(
  { db }: ManageDeps,
  key: IdempotencyKey | null,
  lock: (tx: Tx) => Promise<EndpointRow | undefined>,
  missing: 'no_endpoint' | 'no_delivery',
  work: Work<R>,
): Promise<Outcome<R> | Refusal> {
  let endpoint: EndpointRow | undefined;
  const change = async (tx: Tx) => {
    if (endpoint === undefined) throw new RefusedError({ refused: missing });
    return await work(tx, endpoint);
  };
  const guard = async (tx: Tx) => {
    endpoint = await lock(tx);
  };
  return orRefusal(() => runOnce(db, key, change, guard));
}

/** Runs a change of an endpoint under its lock, at most once for a key. */
export function changeOnce<R extends StoredResponse>(deps: ManageDeps, { manager, key, id }: Asked, work: Work<R>) {
  return runLocked(deps, key, (tx) => lockForChange(tx, manager, id), 'no_endpoint', work);
}

/** Refuses the change where its endpoint is gone. */
export function present(row: EndpointRow | undefined): EndpointRow {
  if (row === undefined) throw new RefusedError({ refused: 'no_endpoint' });
  return row;
}
