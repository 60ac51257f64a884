import { type Database, type Tx, withTx } from '../platform/postgres/database.ts';
import { readClock } from '../store/clock.ts';
import { advanceLines } from './queue.ts';
import { needsRevision, nextDelivery, nextEndpoint, type SubscribedType } from './states.ts';
import { type EndpointRow, endpointsToRevise, lockEndpoint, saveEndpoint } from './store/endpoints.ts';
import { lockUnfinished, saveDeliveries } from './store/states.ts';

/** Every id comes after this one. */
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const REVISED_AT_ONCE = 500;

/** What may be changed about an endpoint; what is absent stays as it is. */
export interface EndpointChange {
  readonly url?: string | undefined;
  readonly description?: string | null | undefined;
  readonly types?: readonly SubscribedType[] | null | undefined;
  readonly includeComments?: boolean | undefined;
  readonly active?: boolean | undefined;
}

/** Saves an endpoint after a change, and has its deliveries revised if that concerns them. */
export async function saveRevised(tx: Tx, before: EndpointRow, after: EndpointRow): Promise<EndpointRow> {
  const saved = needsRevision(before, after) ? { ...after, reviseAfter: FIRST_ID } : after;
  await saveEndpoint(tx, saved);
  return saved;
}

/** Changes an endpoint, which is locked. One that is made active again begins with a clean slate, where it stopped. */
export async function changeEndpoint(tx: Tx, before: EndpointRow, change: EndpointChange): Promise<EndpointRow> {
  const now = await readClock(tx);
  const { url, types, active, description, includeComments } = change;
  const after = nextEndpoint(before, { kind: 'changed', url, types, active }, now);
  return await saveRevised(tx, before, {
    ...after,
    ...(description !== undefined && { description }),
    ...(includeComments !== undefined && { includeComments }),
    updatedAt: now,
  });
}

/** Revises up to `limit` of an endpoint's deliveries; says whether there are more. */
async function reviseSome(tx: Tx, endpointId: string, limit: number): Promise<boolean> {
  const endpoint = await lockEndpoint(tx, endpointId);
  if (endpoint === undefined || endpoint.reviseAfter === null) return false;
  const now = await readClock(tx);
  const rows = await lockUnfinished(tx, endpointId, endpoint.reviseAfter, limit);
  const changed = rows.flatMap((row) => {
    const next = nextDelivery(row, endpoint, { kind: 'revised' }, now);
    return next === row ? [] : [next];
  });
  await saveDeliveries(tx, changed);
  await advanceLines(tx, endpoint, changed, now);
  const last = rows.length < limit ? undefined : rows.at(-1);
  await saveEndpoint(tx, { ...endpoint, reviseAfter: last?.id ?? null });
  return last !== undefined;
}

/**
 * Revises deliveries whose endpoint has recovered or was changed: what failed is sent soon, and what is of a type that the
 * endpoint does not want any more is skipped. One call takes one step for each such endpoint, in a transaction of its own,
 * since there may be half a million.
 * @param limit how many deliveries a step revises at most
 * @returns whether there are more
 */
export async function reviseDeliveries(db: Database, limit = REVISED_AT_ONCE): Promise<boolean> {
  let hasMore = false;
  for (const endpointId of await endpointsToRevise(db)) {
    hasMore = (await withTx(db, (tx) => reviseSome(tx, endpointId, limit))) || hasMore;
  }
  return hasMore;
}
