import pg from 'pg';
import type { Logger } from 'pino';
import { expect, test } from 'vitest';
import { createBacklog } from '../../src/workers/backlog.ts';
import { startDeadlineWorker } from '../../src/workers/deadline-worker.ts';
import { addJobs, openQueue } from '../../src/workers/queue.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { letTimePass } from '../harness/database.ts';
import { TEST_PREFIX } from '../harness/prefix.ts';
import { seedDispute } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';

const DAY_MS = 86_400_000;

test('a locked order delays no other order whose deadline is due at the same time', async () => {
  const service = await startService({ env: { REMINDERS: 'none' } });
  const [held, free] = [await seedDispute(service, 'cancellation'), await seedDispute(service, 'cancellation')];
  for (const { id } of [held, free]) await letTimePass(service.database, id, 3 * DAY_MS);
  const holder = new pg.Client({ connectionString: service.database.url });
  await holder.connect();
  onCleanup(() => holder.end());
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [held.orderId]);

  const address = { redisUrl: service.redisUrl, prefix: TEST_PREFIX };
  const queue = openQueue(address, () => {});
  await queue.waitUntilReady();
  const { system, log } = service.deps.app;
  const { metrics } = system;
  const worker = startDeadlineWorker({
    write: service.deps.write,
    metrics,
    log: log as Logger,
    address,
    health: { look: async () => ({ redis: 'up' }) },
    backlog: createBacklog(),
  });
  onCleanup(async () => void (await Promise.all([worker.close(), queue.close()])));
  const timers = [held, free].map(({ id }) => ({ disputeId: id, seq: 1, dueAt: Date.now() }));
  await addJobs(queue, timers, Date.now());

  const outcomes = async () =>
    (await metrics.jobs.get()).values.flatMap(({ labels, value }) =>
      value > 0 ? [[labels.outcome, value] as const] : [],
    );
  // Had the job of the one waited for the lock, it would have failed again and again instead of ending.
  await waitFor('both jobs have ended', async () => (await outcomes()).length === 2);
  expect(Object.fromEntries(await outcomes())).toEqual({ settled: 1, nothing_to_do: 1 });
  await holder.query('ROLLBACK');
});
