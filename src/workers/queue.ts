import { type DefaultJobOptions, Queue } from 'bullmq';
import { askingClient } from '../platform/redis.ts';
import type { Timer } from '../store/timers.ts';

/** What a deadline job carries: ids, and nothing that anybody wrote. */
export interface DeadlineJob {
  readonly disputeId: string;
  readonly seq: number;
}

export type DeadlineQueue = Queue<DeadlineJob>;

export const QUEUE_NAME = 'deadlines';
/** In braces, so that a Redis Cluster keeps all of a queue on one node. */
export const DEFAULT_PREFIX = '{resolution-center}';

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
  const queue: DeadlineQueue = new Queue(QUEUE_NAME, {
    connection: askingClient(redisUrl),
    prefix,
    defaultJobOptions: JOB_OPTIONS,
    streams: { events: { maxLen: 1_000 } },
  });
  queue.on('error', onError);
  return queue;
}

/** The id of a timer's job: the same each time it is handed over, so that Redis keeps it once. */
export function jobIdOf({ disputeId, seq }: Pick<Timer, 'disputeId' | 'seq'>): string {
  return `deadline-${disputeId}-${seq}`;
}
