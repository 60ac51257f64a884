import { expect, test } from '@jest/globals';
import pg from 'pg';
import { newSweep, sweepOnce } from '../../src/workers/sweeper.ts';
import { insertHerd } from '../faults/herd.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { startService } from '../harness/service.ts';

/** A batch of the sweeper. */
const BATCH = 500;
const BEHIND = 200;
const MOST_ROUNDS = 5;

test('a worker that froze with a batch in its hands keeps nobody waiting behind it, and its own only until it is free', async () => {
  const service = await startService({ env: { REMINDERS: 'none' } });
  const admin = new pg.Pool({ connectionString: service.database.url });
  onCleanup(() => admin.end());
  await insertHerd(admin, BATCH + BEHIND);
  await service.database.query(
    `UPDATE disputes SET respond_by = respond_by - interval '1 hour', opened_at = opened_at - interval '1 hour'`,
  );
  const frozen = await admin.connect();
  await frozen.query('BEGIN');
  await frozen.query(
    `SELECT 1 FROM orders WHERE id IN (SELECT order_id FROM disputes ORDER BY respond_by, id LIMIT ${BATCH}) FOR UPDATE`,
  );
  const { system } = service.deps.app;
  const deps = { write: service.deps.write, metrics: system.metrics, log: service.log.log };
  const open = async () =>
    (
      await service.database.query<{ n: number }>(`SELECT count(*)::integer AS n FROM disputes WHERE status = 'open'`)
    )[0]?.n;
  const sweep = newSweep();
  const pass = async () => {
    for (let round = 0; round < MOST_ROUNDS && (await sweepOnce(deps, sweep)); round += 1);
  };
  await pass();
  expect(await open()).toBe(BATCH);
  await frozen.query('ROLLBACK');
  frozen.release();
  await pass();
  expect(await open()).toBe(0);
});
