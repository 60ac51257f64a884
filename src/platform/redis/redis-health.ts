import type { Cluster, Redis } from 'ioredis';
import type { Logger } from 'pino';
import { sharingAnswers } from '../shared-answer.ts';
import { within } from '../within.ts';
import { describeOutage, type Outage, type RedisState } from './redis-state.ts';

/** Why a Redis that answers is of no use to the service, by the first word of its error. */
const REFUSALS: Readonly<Record<string, string>> = {
  NOPERM: 'the user of REDIS_URL lacks a permission',
  NOAUTH: 'the server requires a password, and REDIS_URL has none',
  WRONGPASS: 'the server does not accept the user name or password of REDIS_URL',
  READONLY: 'the server is a read-only replica',
  OOM: 'the memory of the server is full',
  MISCONF: 'the server accepts no writes, since it cannot save to its disk',
  NOREPLICAS: 'the server accepts no writes, since too few replicas are connected',
};

/** A script that calls a command which its user may not call: the error's first word is not NOPERM. */
const SCRIPT_MAY_NOT = /user executing the script can't (run|access)/;

/** What the server said: a transaction, a pipeline and a cluster wrap it. */
function serverErrorOf(error: unknown): unknown {
  const { previousErrors, lastNodeError, cause } = (error ?? {}) as {
    previousErrors?: readonly unknown[];
    lastNodeError?: unknown;
    cause?: unknown;
  };
  const inner = previousErrors?.[0] ?? lastNodeError ?? cause;
  return inner === undefined ? error : serverErrorOf(inner);
}

/** Says in words why a Redis that answers refuses the service, or null where it is away, frozen or starting. */
export function refusalOf(error: unknown): string | null {
  const inner = serverErrorOf(error);
  const message = inner instanceof Error ? inner.message : '';
  const word = SCRIPT_MAY_NOT.test(message) ? 'NOPERM' : /^-?([A-Z]+)/.exec(message)?.[1];
  const reason = word === undefined ? undefined : REFUSALS[word];
  return reason === undefined ? null : `${word}: ${reason}`;
}

/** How Redis is where a client raised an error. */
function outageStateOf(error: unknown): Outage {
  const reason = refusalOf(error);
  return reason === null ? { redis: 'down' } : { redis: 'refusing', reason };
}

/** Says in a few words what an error means for the service. */
export function outageOf(error: unknown): string {
  return describeOutage(outageStateOf(error));
}

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
  /** The same as a state, never rejecting; callers at the same time share one answer. A change of it is logged, once. */
  readonly look: () => Promise<RedisState>;
}

export interface RedisHealthOptions {
  /** The prefix of the queue's keys. */
  readonly prefix: string;
  /** The key of the hash in which BullMQ keeps whether the queue is paused. */
  readonly metaKey: string;
  readonly log: Logger;
}

/** Makes what looks after a Redis through a client that does not wait. */
export function createRedisHealth(redis: Redis | Cluster, { prefix, metaKey, log }: RedisHealthOptions): RedisHealth {
  // While a client is not connected it says only that; why it is not was said by an event.
  let connectionError: Error | null = null;
  redis.on('error', (error: Error) => {
    connectionError = error;
    log.debug({ err: error }, 'a connection to Redis failed');
  });
  redis.on('ready', () => {
    connectionError = null;
  });
  // The first check of a process comes before its connection: what becomes of that is the answer.
  const connected = new Promise<void>((resolve) => {
    for (const event of ['ready', 'error']) redis.once(event, () => resolve());
  });
  const keys = [...KEYS.map((key) => `${prefix}:probe:${key}`), metaKey];

  const probe = async () => {
    await connected;
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
      throw serverErrorOf(redis.status !== 'ready' && connectionError !== null ? connectionError : error);
    }
  };

  let before = 'up';
  const tell = (state: RedisState, error?: unknown) => {
    const now = Object.values(state).join(' ');
    if (now === before) return;
    before = now;
    if (state.redis !== 'up') {
      log.warn({ err: error }, `${describeOutage(state)}; deadlines take effect by the sweeper until it is back`);
    } else if (state.queue === 'paused') {
      log.warn('the queue is paused; deadlines take effect by the sweeper until it is resumed');
    } else log.info('Redis does what the queue needs');
  };

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
