import { Redis } from 'ioredis';

const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** attempt, 1_000);

/** `host:port` as an address. */
function addressOf(text: string, defaultPort: number) {
  const { hostname, port } = new URL(`redis://${text}`);
  return { host: hostname, port: port === '' ? defaultPort : Number(port) };
}

/**
 * Where Redis is: the server that a URL names or, with `master`, the one that its Sentinels say is the master now:
 * `redis://:password@sentinel-1:26379/0?master=mymaster&sentinels=sentinel-2:26379,sentinel-3:26379`.
 */
function placeOf({ protocol, host, searchParams }: URL) {
  const tls = protocol === 'rediss:' ? { tls: {} } : {};
  const master = searchParams.get('master');
  if (master === null) return { ...addressOf(host, 6_379), ...tls };
  const all = [host, ...(searchParams.get('sentinels')?.split(',') ?? [])];
  const password = searchParams.get('sentinelPassword');
  return {
    name: master,
    sentinels: all.map((text) => addressOf(text, 26_379)),
    sentinelRetryStrategy: retryStrategy,
    ...(password !== null && { sentinelPassword: password }),
    ...(protocol === 'rediss:' && { ...tls, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}

function base(text: string) {
  const url = new URL(text);
  const { username, password, pathname } = url;
  return {
    ...placeOf(url),
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    db: Number(pathname.slice(1) || 0),
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
