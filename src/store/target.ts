import { eq, type SQL, sql } from 'drizzle-orm';
import { disputes, orders } from './schema.ts';

/** Which order a command or a look is about: its own id, or that of one of its disputes. */
export type Target = { readonly orderId: string } | { readonly disputeId: string };

/** A target as the parameters of a query that is built once: by which kind of id, and the id. */
export const byTarget = (target: Target) =>
  'orderId' in target ? (['order', target.orderId] as const) : (['dispute', target.disputeId] as const);

const TARGET = sql.placeholder('target');
const PARTY = sql.placeholder('party');

/** What a query of one kind of target says of it; the id is the placeholder `target`. */
export interface TargetTerms {
  /** The order's id. */
  readonly orderId: SQL;
  /** Whether a dispute is the one that was named. */
  readonly isAddressed: SQL;
}

const isDispute = sql`${disputes.id} = ${TARGET}::uuid`;

export const TERMS: Readonly<Record<'order' | 'dispute', TargetTerms>> = {
  order: { orderId: sql`${TARGET}::text`, isAddressed: sql`false` },
  dispute: {
    orderId: sql`(SELECT ${disputes.orderId} FROM ${disputes} WHERE ${isDispute})`,
    isAddressed: isDispute,
  },
};

/** Whether the user in the placeholder `party` may see an order, as one of its parties; null sees all of them. */
export const IS_VISIBLE = sql`(${PARTY}::text IS NULL OR ${PARTY} IN (${orders.clientId}, ${orders.freelancerId}))`;

/** Whether an order is the one that is meant. */
export const isTarget = ({ orderId }: TargetTerms): SQL => eq(orders.id, orderId);
