import { Redis } from 'ioredis';

const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** attempt, 1_000);

function base(url: string) {
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname,
    port: port === '' ? 6379 : Number(port),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    db: Number(pathname.slice(1) || 0),
    ...(protocol === 'rediss:' && { tls: {} }),
    connectTimeout: 2_000,
    // Without a cap, a client that has waited long keeps waiting after Redis is back (18 s were measured).
    retryStrategy,
  };
}

/** Options for a client that asks: it fails within a second instead of waiting for a Redis that is gone or frozen. */
export function askingClient(url: string) {
  // Only commandTimeout bounds a Redis that is frozen: the connection is up, and nothing answers.
  return { ...base(url), commandTimeout: 1_000, maxRetriesPerRequest: 1, enableOfflineQueue: false };
}

/** Options for a client that waits for work: it blocks for seconds at a time, so that no command may time out. */
export function waitingClient(url: string) {
  return { ...base(url), maxRetriesPerRequest: null };
}

/** A Redis that may throw keys away when it is full is no place for a queue. */
export class EvictionPolicyError extends Error {
  constructor(policy: string) {
    super(
      `REDIS_URL names a Redis with maxmemory-policy ${policy}: it must be noeviction, or jobs get lost when it is full`,
    );
    this.name = 'EvictionPolicyError';
  }
}

/**
 * Makes sure that Redis throws nothing away.
 * @returns false if Redis cannot be asked now: that is no reason not to start
 * @throws EvictionPolicyError if it may throw keys away
 */
export async function checkEvictionPolicy(url: string): Promise<boolean> {
  const redis = new Redis({ ...askingClient(url), lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {}); // what fails is also raised by the call that it fails
  try {
    await redis.connect();
    const policy = /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory'))?.[1];
    if (policy !== undefined && policy !== 'noeviction') throw new EvictionPolicyError(policy);
    return true;
  } catch (error) {
    if (error instanceof EvictionPolicyError) throw error;
    return false;
  } finally {
    redis.disconnect();
  }
}
