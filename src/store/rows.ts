import { type Actor, type Dispute, type Order, remindAt } from '../domain/state.ts';
import type { disputes, orders } from './schema.ts';

export type OrderRow = typeof orders.$inferSelect;
export type DisputeRow = typeof disputes.$inferSelect;

/** An order as its row says it. */
export function toOrder({ priceAmount, priceCurrency, ...row }: OrderRow): Order {
  return { ...row, price: { amount: priceAmount, currency: priceCurrency } };
}

function actorOf(role: Actor['role'], id: string | null): Actor {
  return role === 'system' ? { role } : { role, id: id ?? '' };
}

/** A dispute as its row says it. */
export function toDispute(row: DisputeRow): Dispute {
  const client = { role: 'client', id: row.clientId } as const;
  const freelancer = { role: 'freelancer', id: row.freelancerId } as const;
  const { resolution, resolvedByRole, resolvedAt } = row;
  return {
    id: row.id,
    orderId: row.orderId,
    type: row.type,
    opener: row.openerRole === 'client' ? client : freelancer,
    respondent: row.openerRole === 'client' ? freelancer : client,
    reason: row.reason,
    comment: row.comment,
    change: row.change,
    openedAt: row.openedAt,
    updatedAt: row.updatedAt,
    respondBy: row.respondBy,
    deadlineSeq: row.deadlineSeq,
    heldMs: row.heldMs,
    remindersMs: row.remindersMs,
    resolved:
      resolution === null || resolvedByRole === null || resolvedAt === null
        ? null
        : { resolution, by: actorOf(resolvedByRole, row.resolvedById), at: resolvedAt },
    commentCount: row.commentCount,
    notices: row.notices,
    version: row.version,
  };
}

/** The row of an order. */
export function fromOrder({ price, ...order }: Order): OrderRow {
  return { ...order, priceAmount: price.amount, priceCurrency: price.currency };
}

function partyId(dispute: Dispute, role: 'client' | 'freelancer'): string {
  return dispute.opener.role === role ? dispute.opener.id : dispute.respondent.id;
}

/** The row of a dispute, with the test clock of its order. */
export function fromDispute(dispute: Dispute, testClockId: string | null): DisputeRow {
  const { opener, respondent: _respondent, resolved, ...facts } = dispute;
  return {
    ...facts,
    clientId: partyId(dispute, 'client'),
    freelancerId: partyId(dispute, 'freelancer'),
    status: resolved === null ? 'open' : 'resolved',
    openerRole: opener.role,
    resolution: resolved?.resolution ?? null,
    resolvedByRole: resolved?.by.role ?? null,
    resolvedById: resolved !== null && 'id' in resolved.by ? resolved.by.id : null,
    resolvedAt: resolved?.at ?? null,
    remindersMs: [...dispute.remindersMs],
    remindAt: resolved === null ? remindAt(dispute) : null,
    testClockId,
  };
}
