import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { newSweep, startSweeper, sweepOnce } from '../../src/workers/sweeper.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { startService } from '../harness/service.ts';
import { insertHerd } from '../harness/stage/herd.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What the sweeper takes in one round. */
const BATCH = 1_000;
const BEHIND = 200;
const MOST_ROUNDS = 5;

/** A service without workers whose deadlines, so many, have passed an hour ago, all at the same moment. */
async function overdueHerd(count: number) {
  const service = await startService({ env: { REMINDERS: 'none' } });
  const admin = new pg.Pool({ connectionString: service.database.url });
  onCleanup(() => admin.end());
  await insertHerd(admin, count);
  await service.database.query(
    `UPDATE disputes SET respond_by = respond_by - interval '1 hour', opened_at = opened_at - interval '1 hour'`,
  );
  const { system } = service.deps.app;
  return { service, admin, deps: { write: service.deps.write, metrics: system.metrics, log: service.log.log } };
}

test('a worker that froze with a batch delays no other dispute, and those of its batch only until it ends', async () => {
  const { service, admin, deps } = await overdueHerd(BATCH + BEHIND);
  const frozen = await admin.connect();
  await frozen.query('BEGIN');
  await frozen.query(
    `SELECT 1 FROM orders WHERE id IN (SELECT order_id FROM disputes ORDER BY respond_by, id LIMIT ${BATCH}) FOR UPDATE`,
  );
  const open = async () =>
    (
      await service.database.query<{ n: number }>(`SELECT count(*)::integer AS n FROM disputes WHERE status = 'open'`)
    )[0]?.n;
  const sweep = newSweep();
  const pass = async () => {
    let outcome = await sweepOnce(deps, sweep);
    for (let round = 1; round < MOST_ROUNDS && outcome === 'more'; round += 1) outcome = await sweepOnce(deps, sweep);
    return outcome;
  };
  expect(await pass()).toBe('soon');
  expect(await open()).toBe(BATCH);
  expect(await sweepOnce(deps, newSweep())).toBe('more');
  await frozen.query('ROLLBACK');
  frozen.release();
  expect(await pass()).toBe('done');
  expect(await open()).toBe(0);
});

test('jobs wait from when a herd is met until a round meets none', async () => {
  const { deps } = await overdueHerd(BEHIND);
  const told: boolean[] = [];
  await new Promise<void>((resolve) => {
    const sweeper = startSweeper(deps, (isThere) => {
      told.push(isThere);
      if (!isThere) resolve();
    });
    onCleanup(() => sweeper.stop());
  });
  // When it is met, after it has been settled, and after the next round.
  expect(told).toEqual([true, true, false]);
});

test.each([
  ['small where it takes a second', 1_000, [7, 9]],
  ['large where it takes no time', 1, [2, 4]],
] as const)('a batch is %s', async (_size, ms, [fewest, most]) => {
  const { service, deps } = await overdueHerd(500);
  let now = 0;
  // Each look at the clock finds it later by as much as a batch takes.
  vi.spyOn(performance, 'now').mockImplementation(() => {
    now += ms;
    return now;
  });
  expect(await sweepOnce(deps)).toBe('soon');
  const [row] = await service.database.query<{ batches: number; settled: number }>(
    `SELECT count(DISTINCT occurred_at)::integer AS batches, count(*)::integer AS settled
     FROM log_entries WHERE type = 'dispute.expired'`,
  );
  expect(row?.settled).toBe(500);
  // The first two are as large as before anything is known: a hundred each.
  expect(row?.batches).toBeGreaterThanOrEqual(fewest);
  expect(row?.batches).toBeLessThanOrEqual(most);
});
