import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { REASONS } from '../../src/domain/reasons.ts';
import { DISPUTE_TYPES } from '../../src/domain/rules.ts';
import { withTx } from '../../src/platform/postgres/database.ts';
import { GROUPINGS } from '../../src/statistics/counts.ts';
import { rollUp } from '../../src/statistics/rollup.ts';
import { rollUpEntries } from '../../src/statistics/store.ts';
import { sequenceEntries } from '../../src/store/feed.ts';
import { letTimePass } from '../harness/database.ts';
import { CLIENT, FREELANCER, newOrderId, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';
import { type Counted, countAll, sorted } from './naive.ts';

const RUNS = Number(process.env['STATISTICS_RUNS'] ?? 12);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let service: Service;

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'PT1H' } });
});

beforeEach(clear);

async function clear(): Promise<void> {
  await service.database.query('TRUNCATE orders, disputes, log_entries, timers, holds, dispute_statistics CASCADE');
  // Positions begin anew in a log that is empty.
  await service.database.query('UPDATE statistics_position SET seq = 0');
  await service.database.query('UPDATE statistics_position SET seq = 0');
}

const db = () => service.deps.write.db;
const sequence = (limit: number) => withTx(db(), (tx) => sequenceEntries(tx, limit));
const fold = (limit: number) => withTx(db(), (tx) => rollUpEntries(tx, limit));

type Step =
  | { readonly does: 'open'; readonly what: number; readonly agoMs: number }
  | { readonly does: 'end'; readonly which: number; readonly how: number }
  | { readonly does: 'comment'; readonly which: number }
  | { readonly does: 'sequence' | 'fold'; readonly limit: number }
  | { readonly does: 'ask'; readonly from: number; readonly to: number; readonly groupBy: number };

const some = fc.nat({ max: 1_000 });
const ago = fc.oneof(fc.nat({ max: 47 * HOUR }), fc.integer({ min: 97 * HOUR, max: 12 * DAY }));
const bound = fc.nat({ max: 1_000 });
const limit = fc.integer({ min: 1, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ does: fc.constant('open' as const), what: some, agoMs: ago }), weight: 6 },
  { arbitrary: fc.record({ does: fc.constant('end' as const), which: some, how: fc.nat({ max: 5 }) }), weight: 5 },
  { arbitrary: fc.record({ does: fc.constant('comment' as const), which: some }), weight: 1 },
  { arbitrary: fc.record({ does: fc.constantFrom('sequence' as const, 'fold' as const), limit }), weight: 4 },
  { arbitrary: fc.record({ does: fc.constant('ask' as const), from: bound, to: bound, groupBy: some }), weight: 3 },
);

const at = <T>(items: readonly T[], index: number): T => items[index % items.length] as T;

/** Opens a dispute so long ago: of any type, by a party who may, for any reason or for none. */
async function open(what: number, agoMs: number): Promise<Dispute> {
  const { id: orderId } = await seedOrder(service, {}, newOrderId());
  const type = at(DISPUTE_TYPES, what);
  const reason = at(REASONS, what);
  const [opener, body] =
    type === 'cancellation'
      ? [reason.role === 'client' ? CLIENT : FREELANCER, { reason: reason.code, comment: 'Words.' }]
      : type === 'order_change'
        ? [FREELANCER, { change: { extras: [{ title: 'Source files', price: { amount: 1, currency: 'USD' } }] } }]
        : [CLIENT, {}];
  const hasNoReason = type === 'cancellation' && opener === CLIENT && what % 4 === 0;
  const sent = hasNoReason ? { type, comment: 'Words.' } : { type, ...body };
  const { body: dispute } = await service.as(opener).post<Dispute>(`/v1/orders/${orderId}/disputes`, sent);
  await letTimePass(service.database, dispute.id, agoMs);
  return dispute;
}

/** Ends a dispute in one of the ways there are; what has expired refuses all of them. */
async function end(dispute: Dispute, how: number): Promise<void> {
  const { id, orderId, opener, respondent, type } = dispute;
  const answer = type === 'order_update' ? 'provide-update' : at(['accept', 'decline'], how);
  const report = (status: 'delivered' | 'completed') =>
    service.withScopes('orders:write').put(`/v1/orders/${orderId}`, {
      ...{ clientId: CLIENT, freelancerId: FREELANCER, status, deliverBy: null, revision: 2 },
      price: { amount: 1, currency: 'USD' },
    });
  if (how === 0) await service.as(opener.id).post(`/v1/disputes/${id}/withdraw`);
  else if (how === 1) await report('completed');
  else if (how === 2 || (how === 5 && type === 'order_update')) await report('delivered');
  else await service.as(respondent.id).post(`/v1/disputes/${id}/${answer}`, { comment: 'Words.' });
}

/** Bounds where it matters: where days begin, at the very moment of an opening, anywhere. */
async function boundAt(choice: number): Promise<number> {
  const midnight = Math.floor(Date.now() / DAY) * DAY;
  if (choice % 3 === 0) return midnight + DAY - (choice % 14) * DAY;
  if (choice % 3 === 1) return Date.now() + HOUR - (choice % 12) * DAY + choice;
  const opened = await service.database.query<{ at: number }>(
    'SELECT (extract(epoch from opened_at) * 1000)::float8 AS at FROM disputes ORDER BY opened_at',
  );
  return opened.length === 0 ? midnight : at(opened, choice).at;
}

const iso = (instant: number) => new Date(instant).toISOString();

async function askFor(from: number, to: number, groupBy: (typeof GROUPINGS)[number]): Promise<Counted> {
  const query = `from=${iso(from)}&to=${iso(to)}&groupBy=${groupBy}`;
  const { data, total } = (await service.withScopes('disputes:read').get<Counted>(`/v1/stats?${query}`)).body;
  return { data, total };
}

async function compare(from: number, to: number, groupBy: (typeof GROUPINGS)[number]): Promise<void> {
  const told = await askFor(from, to, groupBy);
  expect(sorted(told)).toEqual(sorted(await countAll(service.database, { from, to }, groupBy)));
}

async function play(disputes: Dispute[], step: Step): Promise<void> {
  if (step.does === 'open') disputes.push(await open(step.what, step.agoMs));
  else if (step.does === 'sequence') await sequence(step.limit);
  else if (step.does === 'fold') await fold(step.limit);
  else if (step.does === 'ask') {
    const bounds = [await boundAt(step.from), await boundAt(step.to)];
    const [from, to] = [Math.min(...bounds), Math.max(...bounds)];
    if (from < to) await compare(from, to, at(GROUPINGS, step.groupBy));
  } else if ('which' in step && disputes.length > 0) await touch(at(disputes, step.which), step);
}

async function touch(dispute: Dispute, step: Extract<Step, { which: number }>): Promise<void> {
  if (step.does === 'end') await end(dispute, step.how);
  else await service.as(dispute.opener.id).post(`/v1/disputes/${dispute.id}/comments`, { comment: 'Words.' });
}

describe('statistics', () => {
  test('equal a naive count of all disputes, whatever happened and however far the log is folded', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 40 }), async (steps) => {
        await clear();
        const disputes: Dispute[] = [];
        for (const one of steps) await play(disputes, one);
        const now = Date.now();
        for (const groupBy of GROUPINGS) await compare(now - 20 * DAY, now + DAY, groupBy);
      }),
      { numRuns: RUNS },
    );
  });

  test('count each entry once when many fold at once, and when one of them dies before its commit', async () => {
    for (let count = 0; count < 6; count += 1) await end(await open(count, count * HOUR), 3);
    await sequence(1_000);
    const dying = withTx(db(), async (tx) => {
      await rollUpEntries(tx, 7);
      throw new Error('it dies here');
    });
    await expect(dying).rejects.toThrow('it dies here');
    const folded = Array.from({ length: 12 }, () => fold(3));
    await Promise.all([...folded, rollUp({ db: db(), log: null }, 5), rollUp({ db: db(), log: null }, 5)]);
    while ((await fold(3)) > 0);
    const [rollup] = await service.database.query(
      'SELECT sum(disputes)::integer AS disputes, (sum(length(responses)) / 6)::integer AS answers FROM dispute_statistics',
    );
    expect(rollup).toEqual({ disputes: 6, answers: 6 });
    await compare(Date.now() - 3 * DAY, Date.now() + DAY, 'resolution');
  });

  test('count as expired what cannot be written as such, and as open what is held', async () => {
    const silent = await open(1, 60 * HOUR);
    const hold = await service.withScopes('ops').post('/v1/ops/holds', { note: 'Down.', type: 'order_change' });
    expect(hold.status).toBe(201);
    const held = await open(2, 100 * HOUR);
    await service.database.query(`UPDATE holds SET since = since - interval '101 hours'`);
    await service.database.query('ALTER TABLE disputes ADD CONSTRAINT says_no CHECK (resolution IS NULL) NOT VALID');
    const { data } = await askFor(Date.now() - 7 * DAY, Date.now() + DAY, 'type');
    await service.database.query('ALTER TABLE disputes DROP CONSTRAINT says_no');
    expect(data).toMatchObject([
      { key: silent.type, opened: 1, expired: 1, open: 0, silenceShare: 1 },
      { key: held.type, opened: 1, expired: 0, open: 1, silenceShare: null },
    ]);
  });
});
