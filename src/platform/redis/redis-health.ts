import { Cluster, type Redis } from 'ioredis';
import type { Logger } from 'pino';
import { createChangeLog } from '../logging/change-log.ts';
import { sharingAnswers } from '../shared-answer.ts';
import { within } from '../within.ts';
import { createReconnectRule } from './redis.ts';
import { outageStateOf, serverErrorOf } from './redis-errors.ts';
import { describeOutage, type RedisState } from './redis-state.ts';

/** The commands that the scripts of BullMQ call, each on a key of its type; nothing stays behind. */
export const PROBE = `
local text, hash, list, set, zset, stream, meta = unpack(KEYS)
local call = redis.call
call('SET', text, '1', 'PX', 60000) call('GET', text) call('EXISTS', text) call('INCR', text)
call('PEXPIRE', text, 60000) call('PTTL', text) call('PERSIST', text)
call('HSET', hash, 'a', '1') call('HMSET', hash, 'b', '1') call('HINCRBY', hash, 'a', 1) call('HGET', hash, 'a')
call('HMGET', hash, 'a', 'b') call('HGETALL', hash) call('HDEL', hash, 'a')
call('LPUSH', list, '1', '2', '3') call('RPUSH', list, '4') call('RPOPLPUSH', list, list) call('LLEN', list)
call('LINDEX', list, 0) call('LRANGE', list, 0, 1) call('LREM', list, 0, '1') call('LPOP', list) call('RPOP', list)
call('LTRIM', list, 1, 0)
call('SADD', set, '1') call('SCARD', set) call('SMEMBERS', set) call('SREM', set, '1')
call('ZADD', zset, 1, '1', 2, '2') call('ZCARD', zset) call('ZCOUNT', zset, 1, 2) call('ZSCORE', zset, '1')
call('ZRANGE', zset, 0, 0) call('ZREVRANGE', zset, 0, 0) call('ZRANGEBYSCORE', zset, 1, 2)
call('ZREVRANGEBYSCORE', zset, 2, 1) call('ZREM', zset, '1') call('ZPOPMIN', zset)
call('ZREMRANGEBYRANK', zset, 0, -1) call('ZREMRANGEBYSCORE', zset, 0, 1)
call('XADD', stream, '*', 'a', '1') call('XTRIM', stream, 'MAXLEN', 0)
call('DEL', text, hash, list, set, zset, stream)
return call('HEXISTS', meta, 'paused')`;

// A transaction on a connection that breaks may stay without an answer, whatever the time limit of a command.
const ANSWER_MS = 1_500;

const KEYS = ['text', 'hash', 'list', 'set', 'zset', 'stream'];

/** Whether Redis does what the queue needs. */
export interface RedisHealth {
  /**
   * Calls each command that the queue needs.
   * @returns whether the queue is paused
   * @throws what Redis or the client raised, within about a second
   */
  readonly check: () => Promise<{ readonly isPaused: boolean }>;
  /**
   * The same as a state, never rejecting; callers at the same time share one answer. Changes of it are logged, six a minute at
   * most.
   */
  readonly look: () => Promise<RedisState>;
}

export interface RedisHealthOptions {
  /** The prefix of the queue's keys. */
  readonly prefix: string;
  /** The key of the hash in which BullMQ keeps whether the queue is paused. */
  readonly metaKey: string;
  readonly log: Logger;
}

/**
 * What is known of a client that is not connected now. It says itself only that it is not; an event has said why, or it was
 * told to connect again.
 */
function watchConnection(redis: Redis | Cluster, log: Logger) {
  let reason: Error | null = null;
  let isReconnecting = false;
  redis.on('error', (error: Error) => {
    reason = error;
    isReconnecting = false;
    log.debug({ err: error }, 'a connection to Redis failed');
  });
  redis.on('ready', () => {
    reason = null;
    isReconnecting = false;
  });
  const isWorthIt = createReconnectRule();
  return {
    // The first check of a process comes before its connection: what becomes of that is the answer.
    connected: new Promise<void>((resolve) => {
      for (const event of ['ready', 'error']) redis.once(event, () => resolve());
    }),
    /** Why a call has failed. */
    causeOf: (error: unknown): unknown => (redis.status === 'ready' && !isReconnecting ? error : (reason ?? error)),
    /** Connects again where an error of the server asks for it: until then, that is why a call fails. */
    reconnectAfter: (error: unknown): void => {
      if (redis instanceof Cluster || !(error instanceof Error) || isReconnecting || !isWorthIt(error)) return;
      reason = error;
      isReconnecting = true;
      redis.disconnect(true);
    },
  };
}

/** Makes what looks after a Redis through a client that does not wait, and connects only here again after an error. */
export function createRedisHealth(redis: Redis | Cluster, { prefix, metaKey, log }: RedisHealthOptions): RedisHealth {
  const connection = watchConnection(redis, log);
  const keys = [...KEYS.map((key) => `${prefix}:probe:${key}`), metaKey];

  const probe = async () => {
    await connection.connected;
    // In a transaction BZPOPMIN does not block.
    const transaction = redis
      .multi()
      .bzpopmin(`${prefix}:probe:none`, 1)
      .eval(PROBE, keys.length, ...keys);
    const answers = (await transaction.exec()) ?? [];
    const failed = answers.find(([error]) => error !== null)?.[0];
    if (failed) throw failed;
    return { isPaused: answers.at(-1)?.[1] === 1 };
  };

  const check = async () => {
    try {
      return await within(ANSWER_MS, 'Redis did not answer', probe());
    } catch (error) {
      const cause = serverErrorOf(connection.causeOf(error));
      connection.reconnectAfter(cause);
      throw cause;
    }
  };

  const logChange = createChangeLog({ initial: 'up' });
  const tell = (state: RedisState, error?: unknown) =>
    logChange(Object.values(state).join(' '), (facts) => {
      if (state.redis !== 'up') {
        const message = `${describeOutage(state)}; deadlines take effect by the sweeper until it is back`;
        log.warn({ err: error, ...facts }, message);
      } else if (state.queue === 'paused') {
        log.warn(facts, 'the queue is paused; deadlines take effect by the sweeper until it is resumed');
      } else log.info(facts, 'Redis does what the queue needs');
    });

  const ask = async (): Promise<RedisState> => {
    try {
      const { isPaused } = await check();
      const state: RedisState = { redis: 'up', ...(isPaused && { queue: 'paused' }) };
      tell(state);
      return state;
    } catch (error) {
      const state = outageStateOf(error);
      tell(state, error);
      return state;
    }
  };
  return { check, look: sharingAnswers(ask) };
}
