import { expect, test } from 'vitest';
import { applyDueDeadlines } from '../../src/application/apply-due.ts';
import { findDue } from '../../src/application/due.ts';
import { eraseComments } from '../../src/erasures/store.ts';
import { type Tx, withTx } from '../../src/platform/postgres/database.ts';
import { rollUpEntries } from '../../src/statistics/store.ts';
import { handedOver } from '../../src/store/deadlines.ts';
import { overdueDisputes } from '../../src/store/due/overdue.ts';
import { anyUncounted, releasedDisputes } from '../../src/store/due/released.ts';
import { readFeed, sequenceEntries } from '../../src/store/feed.ts';
import { forgetOldKeys } from '../../src/store/idempotency.ts';
import { leaseTimers } from '../../src/store/timers.ts';
import { forgetDeliveries } from '../../src/webhooks/store/deliveries.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { CLIENT, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';

const LIMIT = 4;
const DAY_MS = 86_400_000;

/** A service with so many open disputes, each opened with a key. */
async function serviceWith(count: number): Promise<{ service: Service; ids: string[] }> {
  const service = await startService({ env: { REMINDERS: 'none' } });
  onCleanup(service.close);
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await seedDispute(service, 'cancellation')).id);
  return { service, ids };
}

/** Adds so many kept answers and deliveries that have been over for longer than they are kept. */
async function addWhatIsOld({ database }: Service, count: number): Promise<void> {
  await database.query(
    `INSERT INTO idempotency_keys SELECT 'user-7', n::text, n::text, 200, '{}', '{}', now() - interval '25 hours'
     FROM generate_series(1, $1::integer) AS n`,
    [count],
  );
  await database.query(
    `WITH endpoint AS (
       INSERT INTO webhook_endpoints (id, url, include_comments, active, active_since, secret, position, created_by,
         created_at, updated_at)
       VALUES (gen_random_uuid(), 'https://receiver.example/', false, true, now(), 'none', 0, 'ops', now(), now())
       RETURNING id)
     INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, payload, status, queued_at, created_at, finished_at)
     SELECT gen_random_uuid(), endpoint.id, gen_random_uuid(), 'webhook_endpoint.test', '{}', 'delivered', at, at, at
     FROM endpoint, generate_series(1, $1::integer), (SELECT now() - interval '31 days' AS at) AS t`,
    [count],
  );
}

/** Takes batches in transactions of their own until one is not full: how many things each took. */
async function drain({ deps }: Service, take: (tx: Tx) => Promise<number>): Promise<number[]> {
  const sizes: number[] = [];
  do sizes.push(await withTx(deps.write.db, take));
  while (sizes.at(-1) === LIMIT);
  return sizes;
}

/** Takes pages, each behind the last one of the page before, until one is not full. */
async function walk<Row>(page: (behind: Row | null) => Promise<readonly Row[]>): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const found = await page(rows.at(-1) ?? null);
    expect(found.length).toBeLessThanOrEqual(LIMIT);
    rows.push(...found);
    if (found.length < LIMIT) return rows;
  }
}

/** Reminds of a batch of deadlines, as the sweeper does. */
async function remind({ deps: { write } }: Service): Promise<number> {
  const { overdue, toRemind } = await findDue(write.db, LIMIT, null);
  expect(overdue).toEqual([]);
  await applyDueDeadlines(write, toRemind, { trigger: 'sweep', busy: 'skip' });
  return toRemind.length;
}

/** The disputes with a reminder in the log. */
async function reminded({ database }: Service): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT dispute_id AS id FROM log_entries WHERE type = 'dispute.reminder_due'`,
  );
  return rows.map(({ id }) => id);
}

/** The sizes of the batches in which a loop takes so many. */
const batchesOf = (count: number): number[] => [...Array<number>(Math.floor(count / LIMIT)).fill(LIMIT), count % LIMIT];
const sorted = (ids: readonly string[]) => ids.toSorted((a, b) => a.localeCompare(b));

// Each open dispute has two entries in the log, so that there are LIMIT - 2, LIMIT, LIMIT + 2 and more of those.
test.each([1, LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT + 2])(
  'every loop with a limit of 4 takes each of %i once, in full batches and a rest',
  async (count) => {
    const { service, ids } = await serviceWith(count);
    const { db } = service.deps.write;
    const entries = 2 * count;

    expect(await drain(service, (tx) => sequenceEntries(tx, LIMIT))).toEqual(batchesOf(entries));
    const positions = await walk<number>(async (behind) =>
      (await readFeed(db, { after: behind ?? 0, limit: LIMIT })).rows.map(({ seq }) => seq),
    );
    expect(positions).toEqual(Array.from({ length: entries }, (_, index) => index + 1));
    expect(await drain(service, (tx) => rollUpEntries(tx, LIMIT))).toEqual(batchesOf(entries));

    const lease = { limit: LIMIT, horizonMs: 90 * DAY_MS, nearLeaseMs: 60_000, farLeaseMs: 600_000 };
    await service.database.query("UPDATE timers SET leased_until = now() - interval '1 second'");
    expect(await drain(service, async (tx) => (await leaseTimers(tx, lease)).timers.length)).toEqual(batchesOf(count));
    const deadlines = await walk<{ disputeId: string; dueAt: number }>((behind) =>
      handedOver(db, behind, LIMIT, 90 * DAY_MS),
    );
    expect(sorted(deadlines.map(({ disputeId }) => disputeId))).toEqual(sorted(ids));

    await service.database.query(
      `INSERT INTO holds (id, note, created_by, since, created_at, released_by, released_at)
       VALUES (gen_random_uuid(), '', 'ops', now() - interval '1 hour', now() - interval '1 hour', 'ops', now())`,
    );
    // Statements that look at fewer than are asked for, at as many, and at all.
    for (const lookedAt of [1, LIMIT - 1, LIMIT, 100]) {
      expect(sorted(await walk((behind) => releasedDisputes(db, LIMIT, behind, lookedAt)))).toEqual(sorted(ids));
    }
    const hour = 3_600_000;
    await service.database.query('UPDATE disputes SET held_ms = $1 WHERE id <> $2', [hour, ids.at(-1)]);
    expect(await releasedDisputes(db, LIMIT, null, LIMIT)).toEqual([ids.at(-1)]);
    expect(await anyUncounted(db, LIMIT)).toBe(true);
    await service.database.query('UPDATE disputes SET held_ms = $1', [hour]);
    expect(await releasedDisputes(db, LIMIT, null, LIMIT)).toEqual([]);
    expect(await anyUncounted(db, LIMIT)).toBe(false);
    await service.database.query('DELETE FROM holds');

    await service.database.query(
      `UPDATE disputes SET respond_by = t.at + interval '2 hours', reminders_ms = '{7200000}', remind_at = t.at
       FROM (SELECT date_trunc('milliseconds', now()) - interval '1 second' AS at) AS t`,
    );
    expect(await drain(service, () => remind(service))).toEqual(batchesOf(count));
    expect(sorted(await reminded(service))).toEqual(sorted(ids));

    // All in one instant: nothing but their ids tells them apart.
    await service.database.query(
      `UPDATE disputes SET opened_at = at - interval '3 days', updated_at = at - interval '3 days', respond_by = at
       FROM (SELECT date_trunc('milliseconds', now()) - interval '1 hour' AS at) AS t`,
    );
    expect(sorted(await walk((behind) => overdueDisputes(db, LIMIT, behind)))).toEqual(sorted(ids));

    await addWhatIsOld(service, count);
    expect(await drain(service, (tx) => forgetOldKeys(tx, LIMIT))).toEqual(batchesOf(count));
    expect(await drain(service, (tx) => forgetDeliveries(tx, 30 * DAY_MS, LIMIT))).toEqual(batchesOf(count));

    const scope = { erasable: { userId: CLIENT, requestedAt: Date.now() }, except: [], only: null };
    for (const id of ids) await service.as(CLIENT).get(`/v1/disputes/${id}`);
    expect(await drain(service, async (tx) => (await eraseComments(tx, scope, LIMIT, async () => 0)).comments)).toEqual(
      batchesOf(count),
    );
  },
);
