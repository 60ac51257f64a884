import { and, asc, desc, eq, inArray, or, type Placeholder, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import type { DisputeType, Resolution, Role } from '../../domain/rules.ts';
import type { Dispute, Hold, Instant, Order } from '../../domain/state.ts';
import { type Database, prepared } from '../../platform/postgres/database.ts';
import { clockTimeOf, committedBefore, IN_REAL_TIME, instantOf, timestamptz } from '../clock.ts';
import { OVERDUE } from '../due/overdue.ts';
import { clockAndHolds } from '../holds.ts';
import { toDispute } from '../rows.ts';
import { disputes } from '../schema.ts';

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
  /** Any of these. */
  readonly types?: readonly DisputeType[] | undefined;
  /** Any of these; an open dispute has none. */
  readonly resolutions?: readonly Resolution[] | undefined;
  /** Who has to respond: a role, or the user with this id, whichever role it has. */
  readonly awaiting?: { readonly role: Role } | { readonly userId: string } | undefined;
  readonly orderId?: string | undefined;
  readonly respondByBefore?: Instant | undefined;
  readonly updatedAfter?: Instant | undefined;
  /** The test clock that the orders are on; without it, orders in real time and on any clock. */
  readonly testClockId?: string | undefined;
}

export interface PageRequest {
  readonly filter: Filter;
  readonly sort: Sort;
  readonly after: Position | null;
  readonly limit: number;
}

/** One dispute of a page, with its order. */
export interface Listed {
  /** The dispute's time when it was read, and the holds in it: the database's clock, or its test clock's. */
  readonly now: Instant;
  readonly holds: readonly Hold[];
  readonly dispute: Dispute;
  readonly order: Order;
}

export interface Page {
  readonly rows: readonly Listed[];
  /** Whether silence is due on any dispute of the same user and order, whatever else was asked for. */
  readonly anyOverdue: boolean;
  /** Where the next page begins; null after the last one. */
  readonly next: Position | null;
}

const COLUMNS = {
  openedAt: disputes.openedAt,
  '-openedAt': disputes.openedAt,
  respondBy: disputes.respondBy,
  updatedAt: disputes.updatedAt,
} as const satisfies Record<Sort, unknown>;

/** The place of a dispute in a list. */
export function positionOf(dispute: Dispute, sort: Sort): Position {
  return { sort, value: sortValue(dispute, sort), id: dispute.id };
}

function sortValue(dispute: Dispute, sort: Sort): Instant {
  return sort === '-openedAt' ? dispute.openedAt : dispute[sort];
}

/** A user, or the place of one in a query that is built once. */
type Party = string | Placeholder<'party'>;

/** The disputes of one user, or of all users. */
function belongsTo(partyId: Party | null): SQL | undefined {
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

const ofOrder = (orderId: string | undefined) => (orderId === undefined ? undefined : eq(disputes.orderId, orderId));

function conditions(filter: Omit<Filter, 'partyId'>): (SQL | undefined)[] {
  const { status, types, resolutions, orderId, respondByBefore, updatedAfter, testClockId } = filter;
  return [
    status === 'open' ? IS_OPEN : status === 'resolved' ? eq(disputes.status, 'resolved') : undefined,
    types && inArray(disputes.type, [...types]),
    resolutions && and(eq(disputes.status, 'resolved'), inArray(disputes.resolution, [...resolutions])),
    awaits(filter.awaiting),
    ofOrder(orderId),
    respondByBefore === undefined ? undefined : sql`${disputes.respondBy} < ${timestamptz(respondByBefore)}`,
    updatedAfter === undefined ? undefined : sql`${disputes.updatedAt} >= ${timestamptz(updatedAfter)}`,
    testClockId === undefined ? undefined : eq(disputes.testClockId, testClockId),
  ];
}

/** Whether the reader of a list may go on from the greatest `updatedAt` in it. */
const isPolled = ({ filter, sort }: PageRequest): boolean => filter.updatedAfter !== undefined || sort === 'updatedAt';

/** A page, as a query says it. */
interface PageTerms extends Pick<PageRequest, 'sort' | 'after'> {
  readonly party: Party | null;
  readonly filter: Omit<Filter, 'partyId'>;
  /** Only disputes in real time that changed before this instant; null for all of them. */
  readonly changedBefore: Instant | null;
  /** One row more than the page has, if there is a next one. */
  readonly rows: number;
}

function pageConditions({ filter, changedBefore }: PageTerms): (SQL | undefined)[] {
  const isCommitted =
    changedBefore === null ? undefined : sql`${IN_REAL_TIME} AND ${disputes.updatedAt} < ${timestamptz(changedBefore)}`;
  return [...conditions(filter), isCommitted];
}

function isBehind({ after, sort }: PageTerms): SQL | undefined {
  if (after === null) return undefined;
  const place = sql`(${COLUMNS[sort]}, ${disputes.id})`;
  const border = sql`(${timestamptz(after.value)}, ${after.id}::uuid)`;
  return sort === '-openedAt' ? sql`${place} < ${border}` : sql`${place} > ${border}`;
}

type Query = Database['query'];

/** What one index has in the order of the list already: the first disputes of a user in one role. */
function firstInRole(query: Query, role: 'clientId' | 'freelancerId', party: Party, terms: PageTerms) {
  const { sort, rows } = terms;
  const order = sort === '-openedAt' ? desc : asc;
  return query
    .select({ id: disputes.id })
    .from(disputes)
    .where(and(eq(disputes[role], party), ...pageConditions(terms), isBehind(terms)))
    .orderBy(order(disputes.openedAt), order(disputes.id))
    .limit(rows);
}

/** Which disputes a page is taken from. */
function candidates(query: Query, terms: PageTerms): SQL | undefined {
  const { party, sort } = terms;
  if (party === null || COLUMNS[sort] !== disputes.openedAt) {
    return and(belongsTo(party), ...pageConditions(terms), isBehind(terms));
  }
  const ofClient = firstInRole(query, 'clientId', party, terms);
  return inArray(disputes.id, unionAll(ofClient, firstInRole(query, 'freelancerId', party, terms)));
}

/**
 * By what a list is sorted. The list of one user is looked up by that user and sorted then. Were its order one that an
 * index has, a planner that takes filters for independent of each other would walk through all users' disputes in that
 * order, to the end where nothing matches.
 */
function sortedBy({ party, sort }: PageTerms) {
  return party === null ? COLUMNS[sort] : sql`${COLUMNS[sort]} + interval '0'`;
}

// A number in the text, and no parameter: without it a plan for every user would count on a tenth of all rows.
const literally = (rows: number): number => sql.raw(String(rows)) as unknown as number;

/** How many are found at a time. */
export const MOST_OVERDUE = 500;

const overdueOf = (query: Query, party: Party | null, orderId: string | undefined) =>
  query
    .select({ id: disputes.id })
    .from(disputes)
    .where(and(OVERDUE, belongsTo(party), ofOrder(orderId)))
    .orderBy(asc(disputes.respondBy))
    .limit(literally(MOST_OVERDUE));

/** The clock, the holds that count, and whether something is overdue: beside a page, in a row that is there also where the page is empty. */
function moment(query: Query, { party, filter: { orderId } }: PageTerms) {
  const overdue = overdueOf(query, party, orderId).as('overdue');
  return query
    .select({
      ...clockAndHolds(null),
      anyOverdue: sql<boolean>`(SELECT count(*) > 0 FROM ${overdue})`.as('any_overdue'),
    })
    .from(sql`(select 1) as one`)
    .as('moment');
}

const epoch = (column: SQL) => sql`(extract(epoch FROM ${column}) * 1000)::bigint`;

/** The members of an order as expressions over its row, `o`: each of them, or it does not compile. */
const ORDER_MEMBERS: Readonly<Record<keyof Order, SQL>> = {
  id: sql`o.id`,
  clientId: sql`o.client_id`,
  freelancerId: sql`o.freelancer_id`,
  status: sql`o.status`,
  reportedStatus: sql`o.reported_status`,
  deliverBy: epoch(sql`o.deliver_by`),
  reportedDeliverBy: epoch(sql`o.reported_deliver_by`),
  extras: sql`o.extras`,
  disputeCount: sql`o.dispute_count`,
  openings: sql`o.openings`,
  declines: sql`o.declines`,
  price: sql`jsonb_build_object('amount', o.price_amount, 'currency', o.price_currency)`,
  title: sql`o.title`,
  livemode: sql`o.livemode`,
  testClockId: sql`o.test_clock_id`,
  revision: sql`o.revision`,
  version: sql`o.version`,
  cancelledByDisputeId: sql`o.cancelled_by_dispute_id`,
  createdAt: epoch(sql`o.created_at`),
  updatedAt: epoch(sql`o.updated_at`),
};

/**
 * The order of a dispute as JSON. As an expression of the result it is evaluated once for each row of the page, after the
 * limit; a join may be done for every dispute of a user before the page is cut.
 */
const ORDER = sql<Order | null>`(SELECT json_build_object(${sql.join(
  Object.entries(ORDER_MEMBERS).map(([name, value]) => sql`${sql.raw(`'${name}'`)}, ${value}`),
  sql`, `,
)})
  FROM orders o WHERE o.id = ${disputes.orderId})`;

function queryOf(query: Query, terms: PageTerms) {
  const order = terms.sort === '-openedAt' ? desc : asc;
  const wanted = candidates(query, terms);
  const place = [order(sortedBy(terms)), order(disputes.id)];
  // What is joined has lost the order of its index. Where that order is needed, because there is no user to look up, the
  // page is made of ids first.
  const ids = () =>
    query
      .select({ id: disputes.id })
      .from(disputes)
      .where(wanted)
      .orderBy(...place)
      .limit(terms.rows);
  const isIn = terms.party === null ? inArray(disputes.id, ids()) : wanted;
  const beside = moment(query, terms);
  return query
    .select({
      now: beside.now,
      clock: clockTimeOf(disputes.testClockId),
      holds: beside.holds,
      anyOverdue: beside.anyOverdue,
      dispute: disputes,
      order: ORDER,
    })
    .from(beside)
    .leftJoin(disputes, isIn)
    .orderBy(...place)
    .limit(terms.rows);
}

/** The query of one page, with one row more than the page has if there is a next one. */
export function pageQuery(
  { query }: Pick<Database, 'query'>,
  { filter, sort, after, limit }: PageRequest,
  changedBefore: Instant | null,
) {
  return queryOf(query, { party: filter.partyId, filter, sort, after, changedBefore, rows: limit + 1 });
}

const buildFirstPage = (sort: Sort, limit: number) =>
  prepared('first_page', (query: Query) =>
    queryOf(query, {
      party: sql.placeholder('party'),
      filter: {},
      sort,
      after: null,
      changedBefore: null,
      rows: literally(limit + 1),
    }),
  );

const firstPages = new Map<string, ReturnType<typeof buildFirstPage>>();

/** As many as there are limits of a page, in two orders. */
function firstPage(sort: Sort, limit: number) {
  const key = `${sort} ${limit}`;
  const known = firstPages.get(key);
  if (known !== undefined) return known;
  const built = buildFirstPage(sort, limit);
  firstPages.set(key, built);
  return built;
}

/**
 * The rows of a page. What is asked for most, the beginning of a user's plain list in the order of an index, is built and
 * planned once: one plan is good for every user. Other lists have better plans the more is known of what they ask for.
 */
async function rowsOf(db: Database, request: PageRequest) {
  const { filter, sort, after, limit } = request;
  const { partyId, ...others } = filter;
  const isPlain = COLUMNS[sort] === disputes.openedAt && Object.values(others).every((value) => value === undefined);
  // The changes of a test clock are committed in the order of its time: a command holds the clock's lock until its commit.
  if (isPolled(request) && filter.testClockId === undefined) {
    return await pageQuery(db, request, await committedBefore(db));
  }
  if (isPolled(request)) return await pageQuery(db, request, null);
  if (partyId === null || after !== null || !isPlain) return await pageQuery(db, request, null);
  return await firstPage(sort, limit)(db.query).execute({ party: partyId });
}

/** One row of a page; none for an empty page, and for a dispute whose test clock is being deleted. */
function listed({ clock, dispute: row, order, ...real }: Awaited<ReturnType<typeof rowsOf>>[number]): Listed[] {
  if (row === null || order === null || (row.testClockId !== null && clock === null)) return [];
  const dispute = toDispute(row);
  const { now, holds } = clock ?? real;
  return [{ now: instantOf(now, [dispute]), holds, dispute, order }];
}

/**
 * Reads one page. Pages do not shift: a place stays behind or before another, whatever is added meanwhile. A list by time of
 * change is of one time, the real one unless it is of a test clock, and ends before the oldest change that is not committed.
 */
export async function readPage(db: Database, request: PageRequest): Promise<Page> {
  const rows = await rowsOf(db, request);
  const found = rows.flatMap(listed);
  const page = found.slice(0, request.limit);
  const last = page.at(-1);
  const hasNext = found.length > request.limit && last !== undefined;
  const { sort } = request;
  return {
    rows: page,
    anyOverdue: rows[0]?.anyOverdue ?? false,
    next: hasNext ? positionOf(last.dispute, sort) : null,
  };
}

/** Open disputes of a user, of an order or of all, on which silence is due: the ids of at most five hundred of them. */
export async function overdueAmong(
  { query }: Database,
  { partyId, orderId }: Pick<Filter, 'partyId' | 'orderId'>,
): Promise<string[]> {
  const rows = await overdueOf(query, partyId, orderId);
  return rows.map(({ id }) => id);
}
