import type { Deadline } from '../../application/deadlines.ts';
import { isAlive, type SeenWorker } from '../../application/heartbeats/heartbeats.ts';
import type { HoldRow } from '../../application/holds.ts';
import type { Instant } from '../../domain/state.ts';
import { iso, isoOrNull } from '../endpoint/instants.ts';

function scopeOf({ type, orderIds }: HoldRow): 'all' | 'type' | 'orders' {
  if (type !== null) return 'type';
  return orderIds === null ? 'all' : 'orders';
}

function statusOf({ releasedAt, finishedAt }: HoldRow): 'active' | 'releasing' | 'released' {
  if (releasedAt === null) return 'active';
  return finishedAt === null ? 'releasing' : 'released';
}

/** A hold as JSON. */
export function presentHold(row: HoldRow, now: Instant) {
  return {
    id: row.id,
    scope: scopeOf(row),
    type: row.type,
    orderIds: row.orderIds,
    note: row.note,
    status: statusOf(row),
    since: iso(row.since),
    createdAt: iso(row.createdAt),
    createdBy: row.createdBy,
    releasedAt: isoOrNull(row.releasedAt),
    releasedBy: row.releasedBy,
    heldSeconds: ((row.releasedAt ?? now) - row.since) / 1_000,
  };
}

/** A worker as JSON. */
export function presentWorker(worker: SeenWorker) {
  const { instance, version, startedAt, seenAt } = worker;
  return { instance, version, startedAt: iso(startedAt), seenAt: iso(seenAt), alive: isAlive(worker) };
}

/** A deadline as operators look at it, as JSON. */
export function presentDeadline({ disputeId, orderId, type, seq, dueAt }: Deadline, now: Instant) {
  return {
    disputeId,
    orderId,
    type,
    deadlineSeq: seq,
    dueAt: iso(dueAt),
    latenessSeconds: (now - dueAt) / 1_000,
  };
}
