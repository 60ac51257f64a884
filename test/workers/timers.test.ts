import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { applyDueDeadlines } from '../../src/application/apply-due.ts';
import { withTx } from '../../src/platform/postgres/database.ts';
import { returnLeases } from '../../src/store/timers.ts';
import { type Backlog, createBacklog } from '../../src/workers/backlog.ts';
import type { BrakedWorker } from '../../src/workers/braked-worker.ts';
import { startDeadlineWorker } from '../../src/workers/deadline-worker.ts';
import { type DeadlineQueue, jobIdOf, openQueue } from '../../src/workers/queue.ts';
import { type RelayDeps, relayOnce } from '../../src/workers/relay.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { letTimePass } from '../harness/database.ts';
import { TEST_PREFIX } from '../harness/prefix.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';
import { waitFor } from '../harness/wait-for.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

let service: Service;
let queue: DeadlineQueue;
let backlog: Backlog;
let worker: BrakedWorker | undefined;
beforeEach(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
  backlog = createBacklog();
  queue = openQueue({ redisUrl: service.redisUrl, prefix: TEST_PREFIX }, () => {});
  onCleanup(() => queue.close());
  await queue.waitUntilReady();
  await queue.obliterate({ force: true });
});
afterEach(async () => {
  vi.restoreAllMocks();
  backlog.set(false);
  await worker?.close();
  worker = undefined;
});

const relay = (over: Partial<RelayDeps> = {}) =>
  relayOnce({
    db: service.deps.write.db,
    queue,
    health: { look: service.deps.app.system.lookAtRedis },
    metrics: service.deps.app.system.metrics,
    log: service.log.log,
    horizonMs: 90 * DAY,
    ...over,
  });
const inspector = () => service.deps.app.http.queue;
const jobs = () => inspector().waiting(0, 10);
const dueAt = ({ respondBy }: Dispute) => Date.parse(respondBy);

async function count(metric: 'jobs' | 'handedOver', labels: Record<string, string>): Promise<number> {
  const { values } = await service.deps.app.system.metrics[metric].get();
  const [name, value] = Object.entries(labels)[0] ?? [];
  return values.find((one) => (one.labels as Record<string, unknown>)[name ?? ''] === value)?.value ?? 0;
}

const timers = () =>
  service.database.query<{ seq: number; due: Date | null; leased: boolean; until: Date }>(
    'SELECT seq, due_at AS due, leased_until > clock_timestamp() AS leased, leased_until AS until FROM timers ORDER BY seq',
  );
/** By which transaction each was written last. */
const writes = () => service.database.query('SELECT xmin::text FROM timers');
const fakeQueue = (over: Partial<Record<keyof DeadlineQueue, () => Promise<unknown>>>) =>
  ({ waitUntilReady: async () => {}, getJobCounts: async () => ({}), ...over }) as unknown as DeadlineQueue;
const endLeases = () => service.database.query('UPDATE timers SET leased_until = clock_timestamp()');

describe('a timer', () => {
  test('is handed over once for each lease, and again when a lease is over and Redis has lost its job', async () => {
    const dispute = await seedDispute(service, 'cancellation');
    await relay();
    await relay();
    expect(await count('handedOver', { kind: 'added' })).toBe(1);
    expect(await jobs()).toEqual([{ disputeId: dispute.id, seq: 1, dueAt: expect.closeTo(dueAt(dispute), -1) }]);
    await queue.remove(jobIdOf({ disputeId: dispute.id, seq: 1 }));
    await endLeases();
    await relay();
    expect(await jobs()).toEqual([{ disputeId: dispute.id, seq: 1, dueAt: expect.closeTo(dueAt(dispute), -1) }]);
    expect((await timers()).map(({ leased }) => leased)).toEqual([true]);
  });

  test('that Redis refuses is given back at once', async () => {
    const addBulk = () => Promise.reject(new Error('Redis is away'));
    await seedDispute(service, 'cancellation');
    await expect(relay({ queue: fakeQueue({ addBulk }) })).rejects.toThrow('away');
    expect((await timers()).map(({ leased }) => leased)).toEqual([false]);
  });

  test('is not written while Redis does not answer', async () => {
    const look = async () => ({ redis: 'down' }) as const;
    await seedDispute(service, 'cancellation');
    const before = await writes();
    await expect(relay({ health: { look } })).rejects.toThrow('away');
    expect(await writes()).toEqual(before);
  });

  test('that a decision has locked is not waited for where others are given back', async () => {
    const held = await seedDispute(service, 'cancellation');
    const free = await seedDispute(service, 'cancellation');
    await relay();
    const decision = await service.deps.write.db.pool.connect();
    try {
      await decision.query('BEGIN');
      await decision.query('SELECT 1 FROM timers WHERE dispute_id = $1 FOR UPDATE', [held.id]);
      const both = [held, free].map(({ id }) => ({ disputeId: id, seq: 1, dueAt: null }));
      await withTx(service.deps.write.db, (tx) => returnLeases(tx, both));
      const left = await service.database.query<{ id: string }>(
        'SELECT dispute_id AS id FROM timers WHERE leased_until > clock_timestamp()',
      );
      expect(left.map(({ id }) => id)).toEqual([held.id]);
    } finally {
      await decision.query('ROLLBACK');
      decision.release();
    }
  });

  test('of a resolved dispute is taken out of the queue and forgotten', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await relay();
    await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
    expect((await timers()).map(({ due }) => due)).toEqual([null]);
    await relay();
    expect([await jobs(), await timers()]).toEqual([[], []]);
  });

  test('of a deadline that has passed is gone with it: its job is due, and is left in the queue', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await relay();
    await letTimePass(service.database, id, 49 * HOUR);
    await applyDueDeadlines(service.deps.write, [id], { trigger: 'sweep', busy: 'skip' });
    expect(await timers()).toEqual([]);
    await relay();
    expect(await count('handedOver', { kind: 'removed' })).toBe(0);
  });

  test('beyond the horizon waits for it', async () => {
    const dispute = await seedDispute(service, 'cancellation');
    await relay({ horizonMs: HOUR });
    expect(await jobs()).toEqual([]);
    expect((await timers()).map(({ until }) => until.getTime())).toEqual([dueAt(dispute) - HOUR]);
  });

  test('that has been due for long is left to the sweeper', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, id, 49 * HOUR);
    await relay();
    expect(await queue.getJobCounts('delayed', 'waiting', 'active')).toEqual({ delayed: 0, waiting: 0, active: 0 });
  });

  test.each([-DAY, DAY])("is due by the database's clock, where this host's is off by %d ms", async (off) => {
    const dispute = await seedDispute(service, 'cancellation');
    const now = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(now + off);
    await relay();
    vi.restoreAllMocks();
    expect(await jobs()).toEqual([{ disputeId: dispute.id, seq: 1, dueAt: expect.closeTo(dueAt(dispute), -1) }]);
  });
});

describe('a job', () => {
  function startWorker(): void {
    worker = startDeadlineWorker({
      write: service.deps.write,
      metrics: service.deps.app.system.metrics,
      log: service.log.log,
      address: { redisUrl: service.redisUrl, prefix: TEST_PREFIX },
      health: { look: async () => ({ redis: 'up' }) },
      backlog,
    });
  }

  /** Makes the job of a deadline, due now, whenever the deadline is. */
  const addNow = (disputeId: string, seq: number) => {
    const now = Date.now();
    return inspector().add([{ disputeId, seq, dueAt: now }], now);
  };

  test('that comes early goes back to wait for its deadline', async () => {
    const dispute = await seedDispute(service, 'cancellation');
    startWorker();
    await addNow(dispute.id, 1);
    await waitFor('it was early', async () => (await count('jobs', { outcome: 'early' })) === 1);
    const [job] = await waitFor('it is back', async () => {
      const waiting = await jobs();
      return waiting.length === 1 && waiting;
    });
    expect(Math.abs((job?.dueAt ?? 0) - dueAt(dispute))).toBeLessThan(5_000);
    const read = await service.as(CLIENT).get<Dispute>(`/v1/disputes/${dispute.id}`);
    expect(read.body.status).toBe('open');
  });

  test('waits while more is overdue than the sweeper takes at a time, and then takes effect', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, id, 3 * DAY);
    const status = async () =>
      (await service.database.query<{ status: string }>('SELECT status FROM disputes WHERE id = $1', [id]))[0]?.status;
    backlog.set(true);
    startWorker();
    await addNow(id, 1);
    await waitFor('it was taken', async () => (await queue.getActiveCount()) === 1);
    expect(await status()).toBe('open');
    backlog.set(false);
    await waitFor('it took effect', async () => (await count('jobs', { outcome: 'settled' })) === 1);
    expect(await status()).toBe('resolved');
  });

  test('for a deadline that was moved ends without a sound', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await service.database.query('UPDATE disputes SET deadline_seq = 2');
    startWorker();
    await addNow(id, 1);
    await waitFor('it had nothing to do', async () => (await count('jobs', { outcome: 'nothing_to_do' })) === 1);
    expect([await count('jobs', { outcome: 'early' }), await jobs()]).toEqual([0, []]);
  });

  test('of a dispute that is resolved or unknown ends without an error', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
    startWorker();
    await addNow(id, 1);
    await addNow('01a20000-0000-7000-8000-000000000000', 1);
    await waitFor('they had nothing to do', async () => (await count('jobs', { outcome: 'nothing_to_do' })) === 2);
    const log = await service.database.query('SELECT type FROM log_entries ORDER BY order_version DESC LIMIT 1');
    expect(log).toEqual([{ type: 'order.status_changed' }]);
  });

  test('that has done its work is gone, so that the same one can come again', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, id, 49 * HOUR);
    startWorker();
    await addNow(id, 1);
    await waitFor('it has settled', async () => (await count('jobs', { outcome: 'settled' })) === 1);
    await waitFor('it is gone', async () => (await queue.getJob(jobIdOf({ disputeId: id, seq: 1 }))) === undefined);
    expect(await service.database.query('SELECT resolution FROM disputes')).toEqual([{ resolution: 'expired' }]);
  });
});

describe('what operators see', () => {
  test('comes in pages that leave nothing out and repeat nothing', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push((await seedDispute(service, 'cancellation')).id);
    await letTimePass(service.database, ids[4] ?? '', 49 * HOUR);
    const ops = service.withScopes('ops');
    interface View {
      readonly counts: Record<string, number>;
      readonly data: { disputeId: string; latenessSeconds: number }[];
      readonly nextCursor: string | null;
    }
    const pages = async (state: string) => {
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query: string = `state=${state}&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
        const { body }: { body: View } = await ops.get<View>(`/v1/ops/deadlines?${query}`);
        expect(body.counts).toMatchObject({ pending: 4, overdue: 1 });
        seen.push(...body.data.map(({ disputeId }) => disputeId));
        cursor = body.nextCursor;
      }
      return seen;
    };
    expect(await pages('pending')).toEqual(ids.slice(0, 4));
    expect(await pages('overdue')).toEqual([ids[4]]);
    await relay();
    for (const id of ids.slice(0, 3)) await queue.remove(jobIdOf({ disputeId: id, seq: 1 }));
    expect(await pages('missing_job')).toEqual(ids.slice(0, 3));
    const orphans = [1, 2, 3].map((n) => `01a20000-0000-7000-8000-00000000000${n}`);
    const now = Date.now();
    await inspector().add(
      orphans.map((disputeId, n) => ({ disputeId, seq: 1, dueAt: now + HOUR + n })),
      now,
    );
    expect(await pages('orphan_job')).toEqual(orphans);
  });
});
