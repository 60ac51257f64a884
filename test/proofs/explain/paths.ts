import { v7 as uuidv7 } from 'uuid';
import { applyDueDeadlines } from '../../../src/application/apply-due.ts';
import { createCore } from '../../../src/application/command-queue.ts';
import { sequenceLog } from '../../../src/application/feed/feed.ts';
import { readDisputes, readOrder, readTimeline } from '../../../src/application/read.ts';
import { readSummary } from '../../../src/application/summary.ts';
import type { CoreDeps } from '../../../src/application/write.ts';
import { DISPUTE_TYPES, RESOLUTIONS } from '../../../src/domain/rules.ts';
import {
  actionableErasures,
  commentsLeft,
  disputesInScope,
  eraseComments,
  type Scope,
} from '../../../src/erasures/store.ts';
import { type Database, withTx } from '../../../src/platform/postgres/database.ts';
import { overdueIn, readCells, readStanding, rollUpEntries } from '../../../src/statistics/store.ts';
import { countDeadlines, handedOver, listDeadlines, wantedAmong } from '../../../src/store/deadlines.ts';
import { disputesToRemind, overdueDisputes } from '../../../src/store/due/overdue.ts';
import { anyUncounted, finishHolds, releasedDisputes, releasedHolds } from '../../../src/store/due/released.ts';
import { readFeed } from '../../../src/store/feed.ts';
import { forgetOldKeys } from '../../../src/store/idempotency.ts';
import { readLag } from '../../../src/store/lag.ts';
import {
  type Filter,
  overdueAmong,
  type PageRequest,
  pageQuery,
  readPage,
  SORTS,
  type Sort,
} from '../../../src/store/lists/listing.ts';
import { leaseTimers } from '../../../src/store/timers.ts';
import { claimDue } from '../../../src/webhooks/deliver.ts';
import { eraseResponses } from '../../../src/webhooks/store/attempts.ts';
import { backlog, forgetDeliveries, listDeliveries } from '../../../src/webhooks/store/deliveries.ts';
import { endpointsWithDue, lockHeads, lockUnfinished } from '../../../src/webhooks/store/states.ts';
import { A_CLIENT, AN_ENDPOINT, AN_ORDER, BIG_CLIENT, OPEN_ORDER } from './seed.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** One way in which the service comes to its rows. */
export interface AccessPath {
  readonly name: string;
  readonly run: (db: Database) => Promise<unknown>;
}

type Filters = readonly (readonly [string, Partial<Filter>])[];

function filters(now: number): Filters {
  return [
    ['', {}],
    ['status=open', { status: 'open' }],
    ['status=resolved', { status: 'resolved' }],
    ...DISPUTE_TYPES.map((type) => [`type=${type}`, { types: [type] }] as const),
    ...RESOLUTIONS.map((resolution) => [`resolution=${resolution}`, { resolutions: [resolution] }] as const),
    ['awaiting=client', { awaiting: { role: 'client' } }],
    ['awaiting=freelancer', { awaiting: { role: 'freelancer' } }],
    ['orderId', { orderId: AN_ORDER }],
    ['respondByBefore=in an hour', { respondByBefore: now + HOUR }],
    ['status=open&respondByBefore=in an hour', { status: 'open', respondByBefore: now + HOUR }],
    ['updatedAfter=a day ago', { updatedAfter: now - DAY }],
    ['updatedAfter=a year ago', { updatedAfter: now - 365 * DAY }],
    ['type=order_update,order_change', { types: ['order_update', 'order_change'] }],
    ['resolution=accepted,expired', { resolutions: ['accepted', 'expired'] }],
    ['resolution=answered,superseded', { resolutions: ['answered', 'superseded'] }],
    ['status=open&type=order_change', { status: 'open', types: ['order_change'] }],
  ];
}

/** Where a reader may be who has paged to the middle of a list, or to a day ago. */
function placesIn(sort: Sort, now: number): PageRequest['after'][] {
  const id = '80000000-0000-4000-8000-000000000000';
  return [null, { sort, value: now - DAY, id }, { sort, value: now - 500 * DAY, id }];
}

/** A page of GET /v1/disputes, for each of the places in it. */
function listing(name: string, filter: Filter, sort: Sort, now: number): AccessPath {
  const run = async (db: Database) => {
    for (const after of placesIn(sort, now))
      await pageQuery(db, { filter, sort, after, limit: 100 }, filter.updatedAfter === undefined ? null : now);
  };
  return { name: `${name} sort=${sort}`, run };
}

/** GET /v1/disputes with every filter and sort, for users with few and with many disputes and for services. */
export function listings(now: number): AccessPath[] {
  const parties: [string, string | null][] = [
    ['user', A_CLIENT],
    ['big user', BIG_CLIENT],
    ['service', null],
  ];
  return parties.flatMap(([who, partyId]) => {
    const mine: Filters = partyId === null ? [] : [['awaiting=me', { awaiting: { userId: partyId } }]];
    return [...filters(now), ...mine].flatMap(([name, filter]) =>
      SORTS.map((sort) => listing(`${who} ${name}`, { partyId, ...filter }, sort, now)),
    );
  });
}

const deps = (db: Database): CoreDeps => createCore({ db, newId: uuidv7, onCommitted: () => {} });

const FIRST = async (db: Database): Promise<string> => {
  const { rows } = await db.pool.query<{ id: string }>(
    "SELECT id FROM disputes WHERE order_id = $1 AND status = 'open'",
    [OPEN_ORDER],
  );
  return rows[0]?.id ?? '';
};

const FOLLOWED = { orderIds: [AN_ORDER, OPEN_ORDER], partyIds: [A_CLIENT, BIG_CLIENT] };

/** What the reads of one order, one dispute and the feed do. */
export function reads(now: number): AccessPath[] {
  const order = { filter: { partyId: null, orderId: AN_ORDER }, sort: '-openedAt', after: null, limit: 20 } as const;
  const feed =
    (after: number, more = {}) =>
    (db: Database) =>
      readFeed(db, { after, limit: 100, ...more });
  return [
    { name: "an order's disputes", run: (db) => readDisputes(deps(db), order) },
    { name: 'an order', run: (db) => readOrder(deps(db), { orderId: AN_ORDER }, A_CLIENT) },
    { name: 'a dispute', run: async (db) => readOrder(deps(db), { disputeId: await FIRST(db) }, null) },
    {
      name: 'a timeline',
      run: async (db) => readTimeline(deps(db), await FIRST(db), null, { after: null, limit: 50 }),
    },
    { name: 'the plain list of a user', run: (db) => plainList(db, A_CLIENT) },
    { name: 'the plain list of a big user', run: (db) => plainList(db, BIG_CLIENT) },
    { name: 'the summary of a user', run: (db) => readSummary(deps(db), A_CLIENT) },
    { name: 'the summary of a big user', run: (db) => readSummary(deps(db), BIG_CLIENT) },
    { name: 'overdue ones of a user', run: (db) => overdueAmong(db, { partyId: A_CLIENT }) },
    { name: 'overdue ones of a big user', run: (db) => overdueAmong(db, { partyId: BIG_CLIENT }) },
    { name: 'overdue ones of an order', run: (db) => overdueAmong(db, { partyId: null, orderId: OPEN_ORDER }) },
    { name: 'the feed, from its beginning', run: feed(0) },
    { name: 'the feed, in the middle', run: feed(1_500_000) },
    { name: 'the feed, at its end', run: feed(99_000_000) },
    { name: 'the feed, of one order', run: feed(0, { orderId: AN_ORDER }) },
    { name: 'the feed, of a user', run: feed(0, { partyId: A_CLIENT }) },
    { name: 'the feed, of a user, at its end', run: feed(99_000_000, { partyId: A_CLIENT }) },
    { name: 'the feed, of a user without orders', run: feed(0, { partyId: 'nobody' }) },
    { name: 'the feed, of a big user', run: feed(0, { partyId: BIG_CLIENT }) },
    { name: 'the feed, of a big user, in the middle', run: feed(30_000, { partyId: BIG_CLIENT }) },
    { name: 'the feed, of followers', run: feed(99_000_000, { followed: FOLLOWED }) },
    { name: 'the feed, of followers, far behind', run: feed(0, { followed: FOLLOWED }) },
    { name: 'the feed, of followers of orders', run: feed(99_000_000, { followed: { ...FOLLOWED, partyIds: [] } }) },
    { name: 'the feed, of a frequent type', run: feed(0, { types: ['dispute.opened'] }) },
    { name: 'the feed, of types that are rare', run: feed(0, { types: ['dispute.superseded', 'dispute.expired'] }) },
    ...deliveries(),
    { name: 'statistics of a month', run: (db) => statistics(db, { from: now - 30.4 * DAY, to: now }) },
    { name: 'statistics of a year', run: (db) => statistics(db, { from: now - 365.4 * DAY, to: now - 0.3 * DAY }) },
    { name: 'comments to be erased of a user', run: (db) => erase(db, { userId: A_CLIENT, requestedAt: now }) },
    { name: 'comments to be erased by age', run: (db) => erase(db, { resolvedForMs: 730 * DAY }) },
  ];
}

/** The deliveries of an endpoint, as its owner lists them. */
function deliveries(): AccessPath[] {
  const places = [null, '80000000-0000-4000-8000-000000000000'];
  return ([undefined, 'delivered', 'pending', 'failed'] as const).map((status) => ({
    name: `deliveries of an endpoint${status === undefined ? '' : ` status=${status}`}`,
    run: async (db) => {
      for (const beforeId of places)
        await listDeliveries(db, { endpointId: AN_ENDPOINT, status, beforeId, limit: 101 });
    },
  }));
}

async function plainList(db: Database, partyId: string): Promise<void> {
  await readPage(db, { filter: { partyId }, sort: '-openedAt', after: null, limit: 20 });
}

/** What is asked for in one transaction, at whose beginning everything that was numbered has been folded. */
async function statistics(db: Database, span: { from: number; to: number }): Promise<void> {
  await withTx(db, async (tx) => {
    const { rows } = await tx.execute<{ end: number }>('SELECT max(seq)::float8 AS end FROM log_entries');
    await readStanding(tx, 20_001);
    await overdueIn(tx, span, 5_001);
    await readCells(tx, span, { position: rows[0]?.end ?? 0 });
  });
}

async function erase(db: Database, what: Scope['erasable']): Promise<void> {
  const scope = { erasable: what, except: [], only: null };
  await disputesInScope(db, scope, 50);
  await withTx(db, (tx) => eraseComments(tx, scope, 50, eraseResponses));
  await actionableErasures(db, 100);
  if ('userId' in what) await commentsLeft(db, { ...what, requestedBy: 'ops', finishedAt: null });
}

const HORIZON = 90 * DAY;
const LEASE = { limit: 1_000, horizonMs: HORIZON, nearLeaseMs: 60_000, farLeaseMs: 600_000 };

/** What the workers and operators do. */
export function work(now: number): AccessPath[] {
  const behind = { dueAt: now + HOUR, disputeId: '80000000-0000-4000-8000-000000000000' };
  return [
    { name: 'overdue disputes', run: (db) => overdueDisputes(db, 500) },
    {
      name: 'overdue disputes behind one',
      run: async (db) => overdueDisputes(db, 100, (await overdueDisputes(db, 100)).at(-1) ?? null),
    },
    { name: 'disputes to remind', run: (db) => disputesToRemind(db, 500) },
    {
      name: 'settling what is overdue',
      run: async (db) =>
        applyDueDeadlines(deps(db), await overdueDisputes(db, 200), { trigger: 'sweep', busy: 'skip' }),
    },
    { name: 'timers to hand over', run: (db) => withTx(db, (tx) => leaseTimers(tx, LEASE)) },
    { name: 'timers handed over', run: (db) => handedOver(db, null, 1_000, HORIZON) },
    { name: 'timers handed over, further on', run: (db) => handedOver(db, behind, 1_000, HORIZON) },
    { name: 'deadlines ahead', run: (db) => listDeadlines(db, 'pending', null, 101) },
    { name: 'deadlines ahead, further on', run: (db) => listDeadlines(db, 'pending', behind, 101) },
    { name: 'deadlines passed', run: (db) => listDeadlines(db, 'overdue', null, 101) },
    { name: 'how far timers are behind', run: (db) => withTx(db, (tx) => readLag(tx, 10_000, 4_000)) },
    { name: 'deadlines, counted', run: (db) => countDeadlines(db, 100_000) },
    {
      name: 'jobs that are wanted',
      run: async (db) => wantedAmong(db, await handedOver(db, null, 1_000, HORIZON)),
    },
    { name: 'disputes of released holds', run: (db) => releasedDisputes(db, 500) },
    {
      name: 'disputes of released holds behind one',
      run: async (db) => releasedDisputes(db, 500, (await releasedDisputes(db, 500)).at(-1) ?? null),
    },
    { name: 'whether a released hold has anything left to move', run: (db) => anyUncounted(db) },
    {
      name: 'holds to be finished',
      run: async (db) => {
        const ids = await releasedHolds(db);
        await withTx(db, (tx) => finishHolds(tx, ids));
      },
    },
    { name: 'numbers for the log', run: (db) => sequenceLog(db) },
    { name: 'the log folded into statistics', run: (db) => withTx(db, (tx) => rollUpEntries(tx, 5_000)) },
    { name: 'endpoints with something due', run: (db) => endpointsWithDue(db) },
    { name: 'deliveries claimed', run: (db) => claimDue({ db, newId: uuidv7 }, AN_ENDPOINT) },
    { name: 'lines of orders', run: (db) => withTx(db, (tx) => lockHeads(tx, AN_ENDPOINT, [AN_ORDER, OPEN_ORDER])) },
    {
      name: 'deliveries to be revised',
      run: (db) => withTx(db, (tx) => lockUnfinished(tx, AN_ENDPOINT, AN_ENDPOINT, 500)),
    },
    { name: 'deliveries to be forgotten', run: (db) => withTx(db, (tx) => forgetDeliveries(tx, 30 * DAY, 1_000)) },
    { name: 'the age of what is undelivered', run: (db) => backlog(db) },
    { name: 'keys to be forgotten', run: (db) => withTx(db, (tx) => forgetOldKeys(tx, 1_000)) },
  ];
}
