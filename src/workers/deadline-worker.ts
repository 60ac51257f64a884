import { DelayedError, type Job, UnrecoverableError, Worker } from 'bullmq';
import { Cluster } from 'ioredis';
import type { Logger } from 'pino';
import { applyDueDeadlines, type DueOutcome, dueOutcomeOf } from '../application/apply-due.ts';
import type { CoreDeps } from '../application/write.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { createRepeatingLog } from '../platform/log.ts';
import { isolate } from '../platform/postgres/isolate.ts';
import { waitingConnection } from '../platform/redis/redis.ts';
import { isOutage } from '../platform/redis/redis-errors.ts';
import type { RedisHealth } from '../platform/redis/redis-health.ts';
import { tracedUnder } from '../platform/tracing.ts';
import type { Backlog } from './backlog.ts';
import { createBatcher } from './batcher.ts';
import { type BrakedWorker, startBraked } from './braked-worker.ts';
import { type DeadlineJob, QUEUE_NAME, type QueueAddress, readJobData } from './queue.ts';

export interface DeadlineWorkerDeps {
  readonly write: CoreDeps;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly address: QueueAddress;
  readonly health: Pick<RedisHealth, 'look'>;
  /** While there is one, jobs wait with their deadlines for the sweeper: soon most of them have nothing left to do. */
  readonly backlog: Backlog;
}

const CONCURRENCY = 250;
const COLLECT_MS = 5;

/** An early job (this host's clock runs ahead) goes back to wait for what the database says is left. */
async function putBack(job: Job, token: string | undefined, remainingMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + Math.max(1, Math.ceil(remainingMs)), token);
  throw new DelayedError();
}

function outcomeOf(settlement: DueOutcome, { seq }: DeadlineJob): DueOutcome['outcome'] {
  // An early job for a deadline that has been moved since is not early, it is stale: the moved one has its own job.
  return settlement.outcome === 'early' && settlement.seq !== seq ? 'nothing_to_do' : settlement.outcome;
}

/** Starts to take due jobs. Jobs that come together are settled together; each is only a nomination. */
export function startDeadlineWorker({
  write,
  metrics,
  log,
  address,
  health,
  backlog,
}: DeadlineWorkerDeps): BrakedWorker {
  const collect = createBatcher<string, DueOutcome>({ waitMs: COLLECT_MS, limit: CONCURRENCY }, async (disputeIds) => {
    // A locked order must not keep the others waiting, whose locks this transaction has: it is left to the transaction that has
    // its lock, and to the sweeper after that.
    const failed = new Map<string, unknown>();
    const batches = await isolate([disputeIds], {
      work: (ids) => applyDueDeadlines(write, ids, { trigger: 'job', busy: 'skip' }),
      setAside: (disputeId, error) => void failed.set(disputeId, error),
    });
    const settled = new Map(batches.flatMap((batch) => [...batch]));
    return disputeIds.map((disputeId) =>
      failed.has(disputeId) ? { error: failed.get(disputeId) } : { result: dueOutcomeOf(settled, disputeId) },
    );
  });

  const applyDue = (id: string | undefined, data: DeadlineJob) => {
    const { disputeId, traceParent = null } = data;
    const attributes = {
      'messaging.system': 'bullmq',
      'messaging.destination.name': QUEUE_NAME,
      'messaging.operation.type': 'process',
      'messaging.message.id': id ?? '',
      'resolution_center.dispute_id': disputeId,
    };
    return tracedUnder(traceParent, `process ${QUEUE_NAME}`, { kind: 'consumer', attributes }, async (span) => {
      const settlement = await collect(disputeId);
      const outcome = outcomeOf(settlement, data);
      span.setAttribute('resolution_center.outcome', outcome);
      return { settlement, outcome };
    });
  };

  const run = async (job: Job<unknown>, token?: string) => {
    const data = readJobData(job.data);
    // Not tried again: the sweeper applies the deadline that it should have named.
    if (data === null) throw new UnrecoverableError('the data of the job names no deadline');
    await backlog.over();
    const { settlement, outcome } = await applyDue(job.id, data);
    metrics.jobs.inc({ outcome });
    if (outcome === 'early' && settlement.outcome === 'early') await putBack(job, token, settlement.remainingMs);
  };

  const warn = createRepeatingLog(log);
  const make = (isVersionHidden: boolean) => {
    const connection = waitingConnection(address.redisUrl);
    const worker = new Worker<unknown>(QUEUE_NAME, run, {
      connection,
      prefix: address.prefix,
      concurrency: CONCURRENCY,
      // How long an idle worker blocks: a marker that got lost costs that much at most.
      drainDelay: 2,
      // A killed worker's jobs come back after 10 to 15 s; by then the sweeper has long done their work.
      lockDuration: 10_000,
      stalledInterval: 5_000,
      maxStalledCount: 3,
      runRetryDelay: 1_000,
      // BullMQ then takes the server for its oldest version and blocks for whole seconds; the sweeper comes before that.
      skipVersionCheck: isVersionHidden,
    });
    // The worker uses two duplicates of it, and ends only those.
    if (connection instanceof Cluster) worker.once('closed', () => connection.disconnect());
    worker.on('error', (error) => {
      if (isOutage(error)) log.debug({ err: error }, 'the deadline worker cannot use Redis');
      else warn(error, {}, 'the deadline worker lost a job');
    });
    worker.on('failed', (job, error) => warn(error, { jobId: job?.id }, 'a deadline job failed'));
    return worker;
  };
  // All jobs under way may fail at once, twice in a second.
  const isUsable = async () => (await health.look()).redis === 'up';
  return startBraked({ make, isUsable, log, mostErrors: 2 * CONCURRENCY });
}
