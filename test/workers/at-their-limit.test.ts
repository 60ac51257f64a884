import { afterEach, beforeAll, expect, test } from 'vitest';
import { type QueueInspector, reconcile } from '../../src/application/deadlines.ts';
import type { Timer } from '../../src/store/timers.ts';
import { createBatcher } from '../../src/workers/batcher.ts';
import { seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';

const LIMIT = 4;
const STEP = { overdue: LIMIT, jobs: LIMIT };
const BUDGET_MS = 60_000;
const DAY_MS = 86_400_000;
const COUNTS = [LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT + 2];

let service: Service;
beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
});
afterEach(async () => {
  await service.database.query('UPDATE timers SET due_at = NULL');
});

type Job = Timer & { readonly dueAt: number };

/** A queue in memory, which notes how much each request to it was about. */
function queueOf(jobs: Job[]) {
  const asked: number[] = [];
  const noted = <T extends { readonly length: number }>(items: T): T => {
    asked.push(items.length);
    return items;
  };
  const isAt = (one: Timer) => (other: Timer) => other.disputeId === one.disputeId && other.seq === one.seq;
  const inspector: QueueInspector = {
    horizonMs: 90 * DAY_MS,
    missing: async (timers) => noted(timers).filter((timer) => !jobs.some(isAt(timer))),
    waiting: async (offset, limit) => noted(jobs.slice(offset, offset + limit)),
    add: async (timers) => void jobs.push(...noted(timers).map((timer) => ({ ...timer, dueAt: timer.dueAt ?? 0 }))),
    remove: async (timers) => {
      for (const timer of noted(timers)) jobs.splice(jobs.findIndex(isAt(timer)), 1);
    },
  };
  return { inspector, jobs, asked };
}

async function seedHandedOver(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) ids.push((await seedDispute(service, 'cancellation')).id);
  await service.database.query(
    "UPDATE timers SET leased_until = now() + interval '10 minutes' WHERE due_at IS NOT NULL",
  );
  return ids;
}

const sorted = (ids: readonly string[]) => ids.toSorted((a, b) => a.localeCompare(b));

test.each(COUNTS)(
  'a reconciliation adds each of %i lost jobs once, and removes as many orphans, 4 in a step',
  async (count) => {
    const ids = await seedHandedOver(count);
    const orphans = ids.map((_id, n) => ({
      disputeId: `01a20000-0000-7000-8000-${String(n).padStart(12, '0')}`,
      seq: 1,
      dueAt: Date.now() + DAY_MS,
    }));
    const { inspector, jobs, asked } = queueOf(orphans);
    const done = await reconcile(service.deps.write, inspector, BUDGET_MS, STEP);
    expect(done).toEqual({ settled: 0, failed: 0, reenqueued: count, removed: count, complete: true });
    expect(sorted(jobs.map(({ disputeId }) => disputeId))).toEqual(sorted(ids));
    expect(Math.max(...asked)).toBeLessThanOrEqual(LIMIT);
  },
);

test.each(COUNTS)('a reconciliation settles each of %i overdue disputes once, 4 in a step', async (count) => {
  const ids = await seedHandedOver(count);
  await service.database.query(
    `UPDATE disputes SET opened_at = opened_at - interval '3 days', respond_by = respond_by - interval '3 days'
     WHERE id = ANY ($1)`,
    [ids],
  );
  const sizes: number[] = [];
  const write = {
    ...service.deps.write,
    onCommitted: (entries: readonly unknown[]) => void sizes.push(entries.length),
  };
  const done = await reconcile(write, queueOf([]).inspector, BUDGET_MS, STEP);
  expect(done).toMatchObject({ settled: count, failed: 0, complete: true });
  const expired = await service.database.query<{ id: string }>(
    `SELECT dispute_id AS id FROM log_entries WHERE type = 'dispute.expired' AND dispute_id = ANY ($1)`,
    [ids],
  );
  expect(sorted(expired.map(({ id }) => id))).toEqual(sorted(ids));
  // An expiry has two entries: of the dispute and of its order.
  expect(Math.max(...sizes)).toBe(2 * Math.min(count, LIMIT));
});

test.each(COUNTS)('of %i items that arrive together each is worked on once, at most 4 at a time', async (count) => {
  const batches: (readonly number[])[] = [];
  const collect = createBatcher({ waitMs: 1, limit: LIMIT }, async (items: readonly number[]) => {
    batches.push(items);
    return items.map((item) => ({ result: -item }));
  });
  const items = Array.from({ length: count }, (_, index) => index + 1);
  expect(await Promise.all(items.map(collect))).toEqual(items.map((item) => -item));
  expect(batches.flat()).toEqual(items);
  expect(Math.max(...batches.map(({ length }) => length))).toBe(Math.min(count, LIMIT));
});
