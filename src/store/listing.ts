import { and, asc, desc, eq, inArray, lte, or, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import type { Hold } from '../domain/holds.ts';
import type { DisputeType, Resolution, Role } from '../domain/rules.ts';
import type { Dispute, Instant } from '../domain/state.ts';
import type { Database } from '../platform/database.ts';
import { CLOCK, instantOf, THIS_MOMENT } from './clock.ts';
import { holdsFor, NOT_HELD } from './holds.ts';
import { toDispute } from './rows.ts';
import { disputes } from './schema.ts';

export const SORTS = ['openedAt', '-openedAt', 'respondBy', 'updatedAt'] as const;
export type Sort = (typeof SORTS)[number];

/** The place of a dispute in a sorted list. The id decides between equals, so that no two have the same place. */
export interface Position {
  readonly sort: Sort;
  readonly value: Instant;
  readonly id: string;
}

export interface Filter {
  /** The user whose disputes these have to be; null for all of them. */
  readonly partyId: string | null;
  readonly status?: 'open' | 'resolved' | undefined;
  readonly type?: DisputeType | undefined;
  readonly resolution?: Resolution | undefined;
  /** Who has to respond: a role, or the user with this id, whichever role it has. */
  readonly awaiting?: { readonly role: Role } | { readonly userId: string } | undefined;
  readonly orderId?: string | undefined;
  readonly respondByBefore?: Instant | undefined;
  readonly updatedAfter?: Instant | undefined;
}

export interface PageRequest {
  readonly filter: Filter;
  readonly sort: Sort;
  readonly after: Position | null;
  readonly limit: number;
}

export interface Page {
  readonly now: Instant;
  readonly disputes: readonly Dispute[];
  readonly holds: readonly Hold[];
  /** Where the next page begins; null after the last one. */
  readonly next: Position | null;
}

const COLUMNS = {
  openedAt: disputes.openedAt,
  '-openedAt': disputes.openedAt,
  respondBy: disputes.respondBy,
  updatedAt: disputes.updatedAt,
} as const satisfies Record<Sort, unknown>;

function sortValue(dispute: Dispute, sort: Sort): Instant {
  return sort === '-openedAt' ? dispute.openedAt : dispute[sort];
}

/** The disputes of one user, or of everybody. */
function belongsTo(partyId: string | null): SQL | undefined {
  return partyId === null ? undefined : or(eq(disputes.clientId, partyId), eq(disputes.freelancerId, partyId));
}

const IS_OPEN = eq(disputes.status, 'open');

function awaits(awaiting: Filter['awaiting']): SQL | undefined {
  if (awaiting === undefined) return undefined;
  const asked = (role: Role) => eq(disputes.openerRole, role === 'client' ? 'freelancer' : 'client');
  if ('role' in awaiting) return and(IS_OPEN, asked(awaiting.role));
  const { userId } = awaiting;
  return and(
    IS_OPEN,
    or(
      and(eq(disputes.clientId, userId), asked('client')),
      and(eq(disputes.freelancerId, userId), asked('freelancer')),
    ),
  );
}

const instant = (value: Instant): SQL => sql`${new Date(value).toISOString()}::timestamptz`;

function conditions(filter: Filter): (SQL | undefined)[] {
  const { status, type, resolution, orderId, respondByBefore, updatedAfter } = filter;
  return [
    belongsTo(filter.partyId),
    status === 'open' ? IS_OPEN : status === 'resolved' ? eq(disputes.status, 'resolved') : undefined,
    type && eq(disputes.type, type),
    resolution && and(eq(disputes.status, 'resolved'), eq(disputes.resolution, resolution)),
    awaits(filter.awaiting),
    orderId === undefined ? undefined : eq(disputes.orderId, orderId),
    respondByBefore === undefined ? undefined : sql`${disputes.respondBy} < ${instant(respondByBefore)}`,
    updatedAfter === undefined ? undefined : sql`${disputes.updatedAt} > ${instant(updatedAfter)}`,
  ];
}

function isBehind(after: Position | null, sort: Sort): SQL | undefined {
  if (after === null) return undefined;
  const place = sql`(${COLUMNS[sort]}, ${disputes.id})`;
  const border = sql`(${instant(after.value)}, ${after.id}::uuid)`;
  return sort === '-openedAt' ? sql`${place} < ${border}` : sql`${place} > ${border}`;
}

type Query = Database['query'];

/** What one index has in the order of the list already: the first disputes of a user in one role. */
function firstInRole(query: Query, role: 'clientId' | 'freelancerId', partyId: string, request: PageRequest) {
  const { filter, sort, after, limit } = request;
  const order = sort === '-openedAt' ? desc : asc;
  return query
    .select({ id: disputes.id })
    .from(disputes)
    .where(and(eq(disputes[role], partyId), ...conditions({ ...filter, partyId: null }), isBehind(after, sort)))
    .orderBy(order(disputes.openedAt), order(disputes.id))
    .limit(limit + 1);
}

/** Which disputes a page is taken from. */
function candidates(query: Query, request: PageRequest): SQL | undefined {
  const { filter, sort, after } = request;
  const { partyId } = filter;
  const all = and(...conditions(filter), isBehind(after, sort));
  if (partyId === null || COLUMNS[sort] !== disputes.openedAt) return all;
  const ofClient = firstInRole(query, 'clientId', partyId, request);
  return inArray(disputes.id, unionAll(ofClient, firstInRole(query, 'freelancerId', partyId, request)));
}

/**
 * By what a list is sorted. The list of one user is looked up by that user and sorted then. Were its order one that an
 * index has, a planner that takes filters for independent of each other would walk through everybody's disputes in that
 * order, to the end where nothing matches.
 */
function sortedBy({ partyId }: Filter, sort: Sort) {
  return partyId === null ? COLUMNS[sort] : sql`${COLUMNS[sort]} + interval '0'`;
}

/** The query of one page, with one row more than the page has if there is a next one. */
export function pageQuery({ query }: Pick<Database, 'query'>, request: PageRequest) {
  const { filter, sort, limit } = request;
  const order = sort === '-openedAt' ? desc : asc;
  return query
    .select({ now: CLOCK, holds: holdsFor(null), dispute: disputes })
    .from(disputes)
    .where(candidates(query, request))
    .orderBy(order(sortedBy(filter, sort)), order(disputes.id))
    .limit(limit + 1);
}

/** Reads one page. Pages do not shift: a place stays behind or before another, whatever is added meanwhile. */
export async function readPage(db: Database, request: PageRequest): Promise<Page> {
  const rows = await pageQuery(db, request);
  const page = rows.slice(0, request.limit).map(({ dispute }) => toDispute(dispute));
  const last = page.at(-1);
  const hasNext = rows.length > request.limit && last !== undefined;
  const { sort } = request;
  return {
    now: instantOf(rows[0]?.now ?? 0, page),
    disputes: page,
    holds: rows[0]?.holds ?? [],
    next: hasNext ? { sort, value: sortValue(last, sort), id: last.id } : null,
  };
}

/** Open disputes of a user, of an order or of all, on which silence is due: the ids of at most `limit` of them. */
export async function overdueAmong(
  { query }: Database,
  { partyId, orderId }: Pick<Filter, 'partyId' | 'orderId'>,
  limit: number,
): Promise<string[]> {
  const rows = await query
    .select({ id: disputes.id })
    .from(disputes)
    .where(
      and(
        IS_OPEN,
        lte(disputes.respondBy, THIS_MOMENT),
        NOT_HELD,
        belongsTo(partyId),
        orderId === undefined ? undefined : eq(disputes.orderId, orderId),
      ),
    )
    .orderBy(asc(disputes.respondBy))
    .limit(limit);
  return rows.map(({ id }) => id);
}
