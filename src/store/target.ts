import { type SQL, sql } from 'drizzle-orm';
import { orders } from './schema.ts';

/** Which order a command or a read is about: its own id, or that of one of its disputes. */
export type Target = { readonly orderId: string } | { readonly disputeId: string };

/** An order that is asked for, and the user who must be a party of it; null for a service that may have all orders. */
export interface Wanted {
  readonly target: Target;
  readonly partyId: string | null;
}

// Arrays, so that a statement's text is the same for any number of targets and its plan stays prepared.
const ORDER_IDS = sql`${sql.placeholder('orderIds')}::text[]`;
export const DISPUTE_IDS = sql`${sql.placeholder('disputeIds')}::uuid[]`;
const PARTY_IDS = sql`${sql.placeholder('partyIds')}::text[]`;

/** The parameters of a query that is built once, for any number of targets. */
export function parametersOf(wanted: readonly Wanted[]) {
  return {
    orderIds: wanted.map(({ target }) => ('orderId' in target ? target.orderId : null)),
    disputeIds: wanted.map(({ target }) => ('disputeId' in target ? target.disputeId : null)),
    partyIds: wanted.map(({ partyId }) => partyId),
  };
}

/** The targets as rows of `t`: `order_id` or `dispute_id`, `party_id`, and `index` from 1. */
export const WANTED = sql`unnest(${ORDER_IDS}, ${DISPUTE_IDS}, ${PARTY_IDS}) WITH ORDINALITY
  AS t(order_id, dispute_id, party_id, index)`;

/** The id of the order that a row of `t` is about. */
export const ORDER_ID = sql<string>`coalesce(t.order_id, (SELECT d.order_id FROM disputes d WHERE d.id = t.dispute_id))`;

/** The ids of all orders that are wanted, as an array. */
export const WANTED_ORDER_IDS = sql`ARRAY(SELECT ${ORDER_ID} FROM unnest(${ORDER_IDS}, ${DISPUTE_IDS}) AS t(order_id, dispute_id))`;

/** Whether a user may see an order, as one of its parties; null sees all of them. */
export const isVisible = (partyId: SQL): SQL =>
  sql`(${partyId} IS NULL OR ${partyId} IN (${orders.clientId}, ${orders.freelancerId}))`;
