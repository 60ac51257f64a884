import { OverloadedError } from '../../application/command-queue.ts';
import {
  CommitUnknownError,
  isReadOnly,
  isTimeout,
  isTransient,
  sqlStateOf,
} from '../../platform/postgres/database.ts';
import type { Problem } from './problems.ts';

/** When a caller should try again, where the cause passes as soon as a lock, a connection or a server is back. */
export const RETRY_SOON = { 'retry-after': '1' };

const AGAIN = 'Send the request again: with an Idempotency-Key that is safe in any case.';

/** The refusal of a request that may work when it is sent again. */
export const unavailable = (cause: string): Problem => ({
  code: 'unavailable',
  detail: `${cause} ${AGAIN}`,
  headers: RETRY_SOON,
});

/** Why PostgreSQL did not do what it was asked, by the SQLSTATE of its answer. The first that matches counts. */
const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/^40/, 'Another request changed the same data at the same time. Nothing was changed.'],
  [/^57P0[123]/, 'The database is stopping or starting. Nothing was changed.'],
  [/^53300/, 'The database has no free connection at the moment. Nothing was changed.'],
  [/^(53|58)/, 'The database has no room, or cannot use its disk, at the moment. Nothing was changed.'],
  [
    /^(26000|42P05|0A000)/,
    'The database, or a proxy before it, could not carry out the request at the moment. Nothing was changed.',
  ],
];

function causeOf(error: unknown): string {
  if (error instanceof OverloadedError)
    return 'More requests are waiting than can be carried out. Nothing was changed.';
  if (error instanceof CommitUnknownError) {
    return 'The connection to the database broke while the request was saved: it may have taken effect.';
  }
  if (isReadOnly(error)) return 'The database takes no writes at the moment. Nothing was changed.';
  if (isTimeout(error)) return 'The request waited too long for the database or for a lock. Nothing was changed.';
  const state = sqlStateOf(error) ?? '';
  const known = CAUSES.find(([pattern]) => pattern.test(state))?.[1];
  return known ?? 'The database cannot be reached at the moment. Nothing was changed.';
}

/**
 * The refusal of a request that failed for a cause that passes: the database away, stopping, read-only or full, a lock that
 * was not to be had, more requests than can be carried out.
 * @returns null for any other error
 */
export function unavailableBecause(error: unknown): Problem | null {
  return isTransient(error) || error instanceof OverloadedError ? unavailable(causeOf(error)) : null;
}
