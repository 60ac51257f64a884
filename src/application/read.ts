import { openDisputeOf, type Seen, type SeenDispute } from '../domain/state.ts';
import { asSeenAt, disputeAsSeenAt, isUnsettled } from '../domain/transition.ts';
import type { Database } from '../platform/postgres/database.ts';
import { isolate } from '../platform/postgres/isolate.ts';
import { readClock } from '../store/clock.ts';
import {
  type Filter,
  type Listed,
  MOST_OVERDUE,
  overdueAmong,
  type Page,
  type PageRequest,
  readPage,
} from '../store/lists/listing.ts';
import { type Found, find, lastResolved, type TimelinePage, type TimelinePlace, timelineOf } from '../store/reads.ts';
import type { Target, Wanted } from '../store/target.ts';
import { applyDueDeadlines } from './apply-due.ts';
import type { CoreDeps } from './write.ts';

export { type Filter, type Position, positionOf, SORTS, type Sort } from '../store/lists/listing.ts';
export type { LogRow, TimelinePage, TimelinePlace } from '../store/reads.ts';

/**
 * Applies the overdue deadlines that a reader has come upon. It waits for a decision that is under way, which may be an answer
 * that was in time. A dispute that cannot be written is left to the sweeper, which notes it; the reader sees its due state.
 * @throws transient failures: then the state is not known
 */
async function expireOnRead(deps: CoreDeps, disputeIds: readonly string[]): Promise<void> {
  await isolate([disputeIds], {
    work: (ids) => applyDueDeadlines(deps, ids, { trigger: 'touch', busy: 'wait' }),
    setAside: () => {},
  });
}

/** How many orders one statement finds at most. */
const FOUND_TOGETHER = 100;

interface Seeker {
  readonly wanted: Wanted;
  readonly resolve: (found: Found | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Finds orders: those that are asked for in one turn of the event loop with one statement, and without waiting for more. */
export function createFinder(db: Database): CoreDeps['find'] {
  let waiting: Seeker[] = [];
  const findWaiting = async () => {
    const seekers = waiting;
    waiting = [];
    if (seekers.length === 0) return;
    try {
      const findings = await find(
        db,
        seekers.map(({ wanted }) => wanted),
      );
      for (const [index, { resolve, reject }] of seekers.entries()) {
        try {
          resolve(findings[index]?.());
        } catch (error) {
          reject(error);
        }
      }
    } catch (error) {
      for (const { reject } of seekers) reject(error);
    }
  };
  return (target, partyId) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(findWaiting);
      waiting.push({ wanted: { target, partyId }, resolve, reject });
      if (waiting.length === FOUND_TOGETHER) void findWaiting();
    });
}

/**
 * Reads an order with the disputes that matter to it. An overdue one is settled first, by the path of every other
 * decision, so that no read ever shows an open dispute past its deadline.
 * @param partyId the user to whom the order must belong; null for a service that may see all
 * @returns undefined if there is no such order or dispute, or none that this user may see
 */
export async function readOrder(
  deps: CoreDeps,
  target: Target,
  partyId: string | null,
): Promise<Seen<Found> | undefined> {
  const found = await deps.find(target, partyId);
  if (found === undefined) return undefined;
  const open = openDisputeOf(found);
  if (open === null || !isUnsettled(open, found.holds, found.now)) return asSeenAt(found, found.now);
  await expireOnRead(deps, [open.id]);
  const settled = await deps.find(target, partyId);
  return settled === undefined ? undefined : asSeenAt(settled, settled.now);
}

/** A page of what happened to a dispute, oldest first; undefined as for `readOrder`. */
export async function readTimeline(
  deps: CoreDeps,
  disputeId: string,
  partyId: string | null,
  page: { readonly after: TimelinePlace | null; readonly limit: number },
): Promise<TimelinePage | undefined> {
  const found = await readOrder(deps, { disputeId }, partyId);
  if (found === undefined) return undefined;
  return await timelineOf(deps.db, { id: disputeId, orderId: found.order.id }, page.after, page.limit);
}

/** An order with its open dispute, the one that was resolved last, and the beginning of a timeline. */
export interface FoundCenter extends Seen<Found> {
  readonly lastDispute: SeenDispute | null;
  /** Of the open dispute, or of the last one where none is open; null where there was none at all. */
  readonly timeline: { readonly disputeId: string; readonly page: TimelinePage } | null;
}

/** What an order page needs; undefined as for `readOrder`. */
export async function readCenter(
  deps: CoreDeps,
  orderId: string,
  partyId: string,
  limit: number,
): Promise<FoundCenter | undefined> {
  const found = await readOrder(deps, { orderId }, partyId);
  if (found === undefined) return undefined;
  const stored = await lastResolved(deps.db, orderId);
  // One that is overdue and could not be written is shown as expired, and is the last one then.
  const resolved = found.disputes.filter((dispute) => dispute.resolved !== null);
  const known = [...resolved, ...(stored === undefined ? [] : [disputeAsSeenAt(stored, found.holds, found.now)])];
  const lastDispute = known.toSorted((a, b) => b.openedAt - a.openedAt)[0] ?? null;
  const shown = openDisputeOf(found) ?? lastDispute;
  if (shown === null) return { ...found, lastDispute, timeline: null };
  return {
    ...found,
    lastDispute,
    timeline: { disputeId: shown.id, page: await timelineOf(deps.db, shown, null, limit) },
  };
}

const SETTLE_ROUNDS = 4;

/** Applies what is overdue among the disputes of a list; after an outage more may be left than one reader can wait for. */
export async function expireListed(deps: CoreDeps, filter: Pick<Filter, 'partyId' | 'orderId'>): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS; round += 1) {
    const overdue = await overdueAmong(deps.db, filter);
    if (overdue.length > 0) await expireOnRead(deps, overdue);
    if (overdue.length < MOST_OVERDUE) return;
  }
}

/** A page as it has to be seen when it was read. */
export interface SeenPage extends Omit<Page, 'rows'> {
  readonly rows: readonly (Listed & { readonly dispute: SeenDispute })[];
}

function listedAsSeen({ order, dispute, holds, now }: Listed): SeenPage['rows'][number] {
  const seen = asSeenAt({ order, disputes: [dispute], holds }, now);
  return { now, holds, order: seen.order, dispute: seen.disputes[0] ?? disputeAsSeenAt(dispute, holds, now) };
}

/** Where only open disputes are wanted, without those that are not. */
function pageAsSeen({ filter }: PageRequest, page: Page): SeenPage {
  const onlyOpen = filter.status === 'open' || filter.awaiting !== undefined;
  const seen = page.rows.map(listedAsSeen);
  return { ...page, rows: onlyOpen ? seen.filter(({ dispute }) => dispute.resolved === null) : seen };
}

/** Reads one page of disputes; none of them is shown as open past its deadline, and none that is over is missing. */
export async function readDisputes(deps: CoreDeps, request: PageRequest): Promise<SeenPage> {
  let page = await readPage(deps.db, request);
  if (page.anyOverdue) {
    await expireListed(deps, request.filter);
    page = await readPage(deps.db, request);
  }
  const unsettled = page.rows.filter(({ dispute, holds, now }) => isUnsettled(dispute, holds, now));
  if (unsettled.length === 0) return pageAsSeen(request, page);
  await expireOnRead(
    deps,
    unsettled.map(({ dispute }) => dispute.id),
  );
  return pageAsSeen(request, await readPage(deps.db, request));
}

/** The database's clock, in milliseconds: what a stream tells its reader as `serverTime`. */
export function readTime(deps: CoreDeps): Promise<number> {
  return readClock(deps.db.query);
}
