import { createIORedisClient, type DefaultJobOptions, Queue, RedisConnection } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { z } from 'zod';
import type { Timer } from '../application/timers.ts';
import type { Instant } from '../domain/state.ts';
import { askingConnection, silenced } from '../platform/redis/redis.ts';
import { within } from '../platform/within.ts';

// BullMQ takes its listeners off a client that it closes, before the client's last error.
RedisConnection.clientFactory = (options) => createIORedisClient(silenced(new Redis(options)));

const TRACE_PARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

const JobData = z.object({
  disputeId: z.uuid(),
  seq: z.int().min(1),
  // Without its trace a job is as good.
  traceParent: z.string().regex(TRACE_PARENT).optional().catch(undefined),
});

/** What a deadline job carries: ids, and no text of a user. */
export interface DeadlineJob {
  readonly disputeId: string;
  readonly seq: number;
  /** Where the trace of the request that set the deadline goes on, if it is traced. */
  readonly traceParent?: string | undefined;
}

/** Reads a job's data, which may be of another version of the service; null if it names no deadline. */
export function readJobData(data: unknown): DeadlineJob | null {
  const read = JobData.safeParse(data);
  return read.success ? read.data : null;
}

/** The relay's side of the queue. */
export class DeadlineQueue extends Queue<DeadlineJob> {
  /** Ends the connection, also while it breaks or comes back; never rejects for the sake of Redis. */
  override async close(): Promise<void> {
    // BullMQ sends QUIT, which ioredis refuses to keep for a connection that is not ready, and leaves that connection there.
    await super.close().catch(() => super.disconnect().catch(() => {}));
    // BullMQ lets go of a client that it was given, and does not end it.
    const { connection } = this.opts;
    if (connection instanceof Cluster) connection.disconnect();
  }
}

export const QUEUE_NAME = 'deadlines';
/** The prefix of all keys of a deployment. In braces, so that a Redis Cluster keeps all of them on one node. */
export const prefixOf = (name: string): string => `{${name}}`;

const JOB_OPTIONS: DefaultJobOptions = {
  // A finished job that stays would make Redis ignore the same job when it is handed over again.
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 8,
  backoff: { type: 'exponential', delay: 200, jitter: 0.5 },
  stackTraceLimit: 1,
  keepLogs: 0,
  sizeLimit: 1_024,
};

/** Where the queue is. */
export interface QueueAddress {
  readonly redisUrl: string;
  readonly prefix: string;
}

/** Opens the relay's side of the queue. Calls fail within about a second while Redis is away; they never wait for it. */
export function openQueue({ redisUrl, prefix }: QueueAddress, onError: (error: Error) => void): DeadlineQueue {
  const queue = new DeadlineQueue(QUEUE_NAME, {
    connection: askingConnection(redisUrl),
    prefix,
    defaultJobOptions: JOB_OPTIONS,
    // BullMQ asks for the version once, and if that one question fails, every later call fails with it.
    skipVersionCheck: true,
    streams: { events: { maxLen: 1_000 } },
  });
  queue.on('error', onError);
  return queue;
}

const READY_MS = 1_000;
/**
 * How long a call of several commands may take, in milliseconds: a connection that breaks at a bad moment leaves some of them
 * without any answer, whatever the time limit of a command. A thousand jobs take a twentieth of it, or half of it where Redis
 * is the one in memory.
 */
export const ANSWER_MS = 10_000;

/** Waits for what Redis answers to such a call, and rejects if it does not. */
export const answered = <T>(call: Promise<T>): Promise<T> => within(ANSWER_MS, 'Redis did not answer', call);

/**
 * Waits for the queue's first connection, for a second at most: BullMQ would wait without end for one that has never been
 * there.
 */
export async function whenReady(queue: DeadlineQueue): Promise<void> {
  await within(READY_MS, 'Redis has not been reached yet', queue.waitUntilReady());
}

/** Asks Redis through a queue; rejects within seconds if Redis is away or does not answer. */
async function ask<T>(queue: DeadlineQueue, call: () => Promise<T>): Promise<T> {
  await whenReady(queue);
  return await answered(call());
}

/** The id of a timer's job: the same each time it is handed over, so that Redis keeps it once. */
export function jobIdOf({ disputeId, seq }: Pick<Timer, 'disputeId' | 'seq'>): string {
  return `deadline-${disputeId}-${seq}`;
}

/** The timer of a job's id, or null for any other text. */
export function timerOf(jobId: string): Pick<Timer, 'disputeId' | 'seq'> | null {
  const [, disputeId, seq] = /^deadline-([0-9a-f-]{36})-(\d+)$/.exec(jobId) ?? [];
  return disputeId === undefined ? null : { disputeId, seq: Number(seq) };
}

/** Makes the delayed jobs of timers; one that is there already stays as it is. */
export async function addJobs(queue: DeadlineQueue, timers: readonly Timer[], now: Instant): Promise<void> {
  const jobs = timers.flatMap(({ disputeId, seq, dueAt, traceParent }) => {
    if (dueAt === null) return [];
    // Both from the database's clock: the job is due at their sum, whatever this host takes the time to be.
    const opts = { jobId: jobIdOf({ disputeId, seq }), timestamp: now, delay: Math.max(0, dueAt - now) };
    const data = { disputeId, seq, ...(typeof traceParent === 'string' && { traceParent }) };
    return [{ name: 'deadline', data, opts }];
  });
  if (jobs.length === 0) return;
  await ask(queue, () => queue.addBulk(jobs));
}

/** Takes jobs away. What Redis answers says nothing, and a job that stays behind finds nothing to do. */
export async function removeJobs(queue: DeadlineQueue, timers: readonly Timer[]): Promise<void> {
  if (timers.length === 0) return;
  await ask(queue, () => Promise.all(timers.map((timer) => queue.remove(jobIdOf(timer)))));
}

const STATES = ['waiting', 'active', 'delayed', 'prioritized', 'failed'] as const;

/**
 * Counts the jobs by state: one length for each, however many there are. The waiting jobs of a paused queue count as
 * `paused`. Rejects within seconds if Redis is away.
 */
export async function countJobs(queue: DeadlineQueue): Promise<Readonly<Record<string, number>>> {
  const [counts, isPaused] = await ask(queue, () => Promise.all([queue.getJobCounts(...STATES), queue.isPaused()]));
  const { waiting = 0, ...others } = counts;
  return { ...others, waiting: isPaused ? 0 : waiting, paused: isPaused ? waiting : 0 };
}
