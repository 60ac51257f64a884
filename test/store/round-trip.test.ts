import { eq } from 'drizzle-orm';
import { beforeAll, expect, test } from 'vitest';
import type { Dispute, Order } from '../../src/domain/state.ts';
import { type Database, withTx } from '../../src/platform/postgres/database.ts';
import { readPage } from '../../src/store/lists/listing.ts';
import { find, timelineOf } from '../../src/store/reads.ts';
import { fromDispute, fromOrder } from '../../src/store/rows.ts';
import { disputes, orders } from '../../src/store/schema.ts';
import { type WriteSet, write } from '../../src/store/write-set.ts';
import { type Service, startService } from '../harness/service.ts';

// Each member has a value that no other member has, and another one after the update. A column that is written from, or read
// into, another member, that is left out of the write, or that keeps its value, shows as that member.

let service: Service;
let db: Database;
beforeAll(async () => {
  service = await startService();
  db = service.deps.write.db;
});

const CLOCK_ID = '0198c5a0-0000-7000-8000-00000000c10c';
const DISPUTE_ID = '0198c5a0-0000-7000-8000-000000000d15';
const T = Date.UTC(2035, 0, 1);
const CLIENT = { role: 'client', id: 'client-1' } as const;
const FREELANCER = { role: 'freelancer', id: 'freelancer-1' } as const;
const usd = (amount: number) => ({ amount, currency: 'USD' });

const ORDER: Order = {
  id: 'order-round-trip',
  clientId: CLIENT.id,
  freelancerId: FREELANCER.id,
  status: 'in_dispute',
  reportedStatus: 'late',
  deliverBy: T + 1,
  reportedDeliverBy: T + 2,
  extras: [{ title: 'Source files', price: usd(11) }],
  price: usd(12),
  title: 'A logo',
  livemode: true,
  testClockId: null,
  revision: 13,
  version: 14,
  disputeCount: 15,
  openings: [{ role: 'client', at: T + 3 }],
  declines: [{ role: 'client', type: 'order_update', at: T + 4 }],
  cancelledByDisputeId: null,
  createdAt: T + 5,
  updatedAt: T + 6,
};

const CHANGED_ORDER: Order = {
  ...ORDER,
  status: 'mutually_cancelled',
  reportedStatus: 'delivered',
  deliverBy: T + 101,
  reportedDeliverBy: T + 102,
  extras: [...ORDER.extras, { title: 'A poster', price: usd(111) }],
  price: { amount: 112, currency: 'EUR' },
  title: 'A sign',
  livemode: false,
  testClockId: CLOCK_ID,
  revision: 113,
  version: 114,
  disputeCount: 115,
  openings: [{ role: 'freelancer', at: T + 103 }],
  declines: [{ role: 'freelancer', type: 'cancellation', at: T + 104 }],
  cancelledByDisputeId: DISPUTE_ID,
  updatedAt: T + 106,
};

const DISPUTE: Dispute = {
  id: DISPUTE_ID,
  orderId: ORDER.id,
  type: 'order_change',
  opener: FREELANCER,
  respondent: CLIENT,
  reason: null,
  comment: 'What the opener wrote.',
  change: { deliverBy: T + 201, extras: [{ title: 'A banner', price: usd(211) }] },
  openedAt: T + 202,
  updatedAt: T + 203,
  respondBy: T + 100_204,
  remindersMs: [2_050, 2_051],
  deadlineSeq: 16,
  heldMs: 206,
  resolved: null,
  commentCount: 17,
  notices: [{ kind: 'seen', role: 'client', at: T + 207 }],
  version: 18,
};

const CHANGED_DISPUTE: Dispute = {
  ...DISPUTE,
  updatedAt: T + 303,
  respondBy: T + 100_304,
  remindersMs: [3_050],
  deadlineSeq: 116,
  heldMs: 306,
  resolved: { resolution: 'accepted', by: CLIENT, at: T + 305 },
  commentCount: 117,
  notices: [...DISPUTE.notices, { kind: 'notified', role: 'client', channel: 'email', at: T + 307 }],
  version: 118,
};

/** A dispute of the type that has a reason and no change. */
const EARLIER: Dispute = {
  ...DISPUTE,
  id: '0198c5a0-0000-7000-8000-000000000d14',
  type: 'cancellation',
  reason: 'late_delivery',
  change: null,
  openedAt: T + 192,
  resolved: { resolution: 'declined', by: CLIENT, at: T + 195 },
};

/** What keeps the value that it was written with first. */
const FIXED: readonly string[] = [
  ...['id', 'clientId', 'freelancerId', 'createdAt'],
  ...['orderId', 'type', 'opener', 'respondent', 'reason', 'comment', 'change', 'openedAt'],
];

const membersAlike = (before: object, after: object): string[] => {
  const values = new Map<string, unknown>(Object.entries(after));
  return Object.entries(before).flatMap(([name, value]) =>
    JSON.stringify(value) === JSON.stringify(values.get(name)) ? [name] : [],
  );
};

async function expectRead(order: Order, dispute: Dispute): Promise<void> {
  const [row] = await db.query.select().from(orders).where(eq(orders.id, order.id));
  expect(row).toEqual(fromOrder(order));
  const [disputeRow] = await db.query.select().from(disputes).where(eq(disputes.id, dispute.id));
  expect(disputeRow).toEqual(fromDispute(dispute, CLOCK_ID));
  const [found] = await find(db, [{ target: { disputeId: dispute.id }, partyId: null }]);
  expect(found?.()).toMatchObject({ order, disputes: expect.arrayContaining([dispute]) });
  const filter = { partyId: null, orderId: order.id };
  const page = await readPage(db, { filter, sort: 'openedAt', after: null, limit: 2 });
  expect(page.rows).toContainEqual(expect.objectContaining({ order, dispute }));
}

const written = (over: Partial<WriteSet>) =>
  withTx(db, (tx) => write(tx, { orders: [], disputes: [], entries: [], ...over }));

test('each member of an order, a dispute and a log entry is read as it was written, and as it was changed', async () => {
  await service.database.query(
    `INSERT INTO test_clocks (id, now, status, created_by, created_at) VALUES ($1, '2036-01-01', 'ready', 'tests', now())`,
    [CLOCK_ID],
  );
  const where = { testClockId: CLOCK_ID, traceParent: null };
  await written({
    orders: [{ before: null, after: ORDER }],
    disputes: [DISPUTE, EARLIER].map((after) => ({ before: null, after, ...where })),
  });
  await expectRead(ORDER, DISPUTE);
  await expectRead(ORDER, EARLIER);

  const entry = {
    type: 'dispute.accepted',
    at: T + 305,
    actor: CLIENT,
    orderVersion: 114,
    comment: 'What the respondent wrote.',
    order: CHANGED_ORDER,
    dispute: CHANGED_DISPUTE,
    previous: { revision: 13 },
    holdId: null,
    notification: { role: 'client', channel: 'email', at: T + 308 },
  } as const;
  const id = '0198c5a0-0000-7000-8000-0000000000e1';
  const traceParent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await written({
    orders: [{ before: ORDER, after: CHANGED_ORDER }],
    disputes: [{ before: DISPUTE, after: CHANGED_DISPUTE, ...where }],
    entries: [{ id, cause: 'request:1', entry, traceParent }],
  });
  await expectRead(CHANGED_ORDER, CHANGED_DISPUTE);

  const { rows } = await timelineOf(db, DISPUTE, null, 10);
  const { extras: _, openings: __, declines: ___, ...order } = CHANGED_ORDER;
  const { comment: ____, notices: _____, ...dispute } = CHANGED_DISPUTE;
  const notice = { remindedAt: null, notifiedAt: T + 307, seenAt: T + 207 };
  expect(rows).toEqual([
    {
      id,
      cause: 'request:1',
      type: 'dispute.accepted',
      orderId: ORDER.id,
      orderVersion: 114,
      occurredAt: T + 305,
      disputeId: DISPUTE_ID,
      actorRole: CLIENT.role,
      actorId: CLIENT.id,
      comment: 'What the respondent wrote.',
      commentErasedAt: null,
      data: {
        order: { ...order, extrasCount: 2 },
        dispute: { ...dispute, notice, noticeCount: 2 },
        previous: { revision: 13 },
        notification: entry.notification,
      },
      seq: null,
      traceParent,
    },
  ]);
});

test('these orders and disputes have no member that keeps its value, and no two with the same one', () => {
  const alike = [...membersAlike(ORDER, CHANGED_ORDER), ...membersAlike(DISPUTE, CHANGED_DISPUTE)];
  expect(alike.filter((name) => !FIXED.includes(name))).toEqual([]);
  for (const facts of [ORDER, DISPUTE]) {
    const values = Object.values(facts).filter((value) => value !== null);
    expect(new Set(values.map((value) => JSON.stringify(value))).size).toBe(values.length);
  }
});
