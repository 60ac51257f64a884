import type { Database } from '../platform/postgres/database.ts';
import { ATTEMPTS_SHOWN } from './manage.ts';
import { type AttemptRow, attemptsOf } from './store/attempts.ts';
import {
  type DeliveriesRequest,
  type DeliveryRow,
  findDelivery,
  listDeliveries,
  listDeliveriesOfOrder,
  type OrderPlace,
} from './store/deliveries.ts';
import { type EndpointRow, findEndpoint, listEndpoints } from './store/endpoints.ts';

export type { AttemptRow } from './store/attempts.ts';
export type { DeliveryRow } from './store/deliveries.ts';
export type { EndpointRow } from './store/endpoints.ts';

/** A page of rows, and the id behind which the next one begins; null after the last one. */
interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextId: string | null;
}

function pageOf<Row extends { readonly id: string }>(found: readonly Row[], limit: number): Page<Row> {
  const rows = found.slice(0, limit);
  return { rows, nextId: found.length > limit ? (rows.at(-1)?.id ?? null) : null };
}

/** Finds an endpoint; undefined if there is none. */
export function readEndpoint({ query }: Database, id: string): Promise<EndpointRow | undefined> {
  return findEndpoint(query, id);
}

/** A page of the endpoints behind one, oldest first. */
export async function readEndpoints(db: Database, afterId: string | null, limit: number): Promise<Page<EndpointRow>> {
  return pageOf(await listEndpoints(db, afterId, limit + 1), limit);
}

/** What its endpoint has to do with deliveries, and the last attempts at them. */
interface Beside {
  readonly endpoint: EndpointRow;
  readonly attempts: readonly AttemptRow[];
}

/** A page of the deliveries to an endpoint, newest first; undefined if there is no such endpoint. */
export async function readDeliveries(
  db: Database,
  request: DeliveriesRequest,
): Promise<(Page<DeliveryRow> & Beside) | undefined> {
  const { endpointId, limit } = request;
  const endpoint = await findEndpoint(db.query, endpointId);
  if (endpoint === undefined) return undefined;
  const page = pageOf(await listDeliveries(db, { ...request, limit: limit + 1 }), limit);
  const ids = page.rows.map(({ id }) => id);
  return { ...page, endpoint, attempts: await attemptsOf(db.query, ids, ATTEMPTS_SHOWN) };
}

/** A page of the deliveries of an order's events, newest event first, and the place behind which the next page begins. */
export async function readDeliveriesOfOrder(db: Database, orderId: string, before: OrderPlace | null, limit: number) {
  const found = await listDeliveriesOfOrder(db, orderId, before, limit + 1);
  const rows = found.slice(0, limit);
  const last = found.length > limit ? rows.at(-1) : undefined;
  const next = last === undefined ? null : { orderVersion: last.orderVersion ?? 0, endpointId: last.endpointId };
  const ids = rows.map(({ id }) => id);
  return { rows, next, attempts: await attemptsOf(db.query, ids, ATTEMPTS_SHOWN) };
}

/** A delivery; undefined if there is none. */
export async function readDelivery(
  db: Database,
  id: string,
): Promise<(Beside & { readonly delivery: DeliveryRow }) | undefined> {
  const delivery = await findDelivery(db.query, id);
  const endpoint = delivery === undefined ? undefined : await findEndpoint(db.query, delivery.endpointId);
  if (delivery === undefined || endpoint === undefined) return undefined;
  return { delivery, endpoint, attempts: await attemptsOf(db.query, [id], ATTEMPTS_SHOWN) };
}
