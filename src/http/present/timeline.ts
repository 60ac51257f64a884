import { z } from 'zod';
import type { LogRow, TimelinePage, TimelinePlace } from '../../application/read.ts';
import { timelineAction } from '../../domain/commands.ts';
import { RESOLUTIONS } from '../../domain/rules.ts';
import { decodeToken, encodeToken } from '../endpoint/cursor.ts';
import { iso } from '../endpoint/instants.ts';
import { boundedPage } from '../endpoint/pages.ts';
import { presentNotice } from './disputes.ts';
import { presentNotification } from './events.ts';

/** One line of a timeline; `withComment` only for the two parties. */
function presentTimelineEntry(row: LogRow, index: number, withComment: boolean) {
  const action = timelineAction(row.type);
  if (action === null) throw new Error(`a timeline has an entry ${row.type}, which is not about a dispute`);
  const opens = action === 'opened';
  const staysOpen = opens || !(RESOLUTIONS as readonly string[]).includes(action);
  const { dispute, notification } = row.data;
  // An entry of a release without notices has none.
  const notice = action === 'expired' ? dispute?.notice : undefined;
  return {
    seq: index + 1,
    at: iso(row.occurredAt),
    action,
    actor: row.actorId === null ? { role: row.actorRole } : { role: row.actorRole, id: row.actorId },
    fromStatus: opens ? null : ('open' as const),
    toStatus: staysOpen ? ('open' as const) : ('resolved' as const),
    cause: row.cause,
    ...(notice !== undefined && { notice: presentNotice(notice) }),
    ...(notification !== undefined && { notification: presentNotification(notification) }),
    ...(withComment && row.comment !== null && { comment: row.comment }),
    ...(withComment && row.commentErasedAt !== null && { commentErasedAt: iso(row.commentErasedAt) }),
  };
}

const Place = z.tuple([z.int().min(1), z.int().min(1)]);

/**
 * Reads the cursor of a page of a dispute's timeline.
 * @throws ProblemError `validation_failed` for any other text
 */
export function timelinePlace(cursor: string, disputeId: string): TimelinePlace {
  const [orderVersion, index] = decodeToken(cursor, disputeId, Place);
  return { orderVersion, index };
}

/** A page of a dispute's timeline as JSON; `withComment` only for the two parties. */
export function presentTimeline({ rows, begin, next }: TimelinePage, disputeId: string, withComment: boolean) {
  const page = boundedPage(rows, {
    present: (row, offset) => presentTimelineEntry(row, begin + offset, withComment),
    placeBehind: ({ orderVersion }, offset): TimelinePlace => ({ orderVersion, index: begin + offset + 1 }),
    next,
  });
  const nextCursor = page.next === null ? null : encodeToken([page.next.orderVersion, page.next.index], disputeId);
  return { data: page.data, nextCursor };
}
