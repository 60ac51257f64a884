import { Cluster, Redis } from 'ioredis';
import { isCluster } from './redis-url.ts';

const retryStrategy = (attempt: number): number => Math.min(50 * 2 ** attempt, 1_000);

/** `host:port` as an address. */
function addressOf(text: string, defaultPort: number) {
  const { hostname, port } = new URL(`redis://${text}`);
  return { host: hostname, port: port === '' ? defaultPort : Number(port) };
}

/** What a URL's parameter lists, with the host of the URL itself before it. */
const allHosts = ({ host, searchParams }: URL, name: string): string[] => [
  host,
  ...(searchParams.get(name)?.split(',').filter(Boolean) ?? []),
];

/**
 * Where Redis is: the server that a URL names or, with `master`, the one that its Sentinels say is the master now:
 * `redis://:password@sentinel-1:26379/0?master=mymaster&sentinels=sentinel-2:26379,sentinel-3:26379`.
 */
function placeOf(url: URL) {
  const { protocol, host, searchParams } = url;
  const tls = protocol === 'rediss:' ? { tls: {} } : {};
  const master = searchParams.get('master');
  if (master === null) return { ...addressOf(host, 6_379), ...tls };
  const password = searchParams.get('sentinelPassword');
  return {
    name: master,
    sentinels: allHosts(url, 'sentinels').map((text) => addressOf(text, 26_379)),
    sentinelRetryStrategy: retryStrategy,
    ...(password !== null && { sentinelPassword: password }),
    ...(protocol === 'rediss:' && { ...tls, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}

const credentialsOf = ({ username, password }: URL) => ({
  ...(username !== '' && { username: decodeURIComponent(username) }),
  ...(password !== '' && { password: decodeURIComponent(password) }),
});

const CONNECT_TIMEOUT_MS = 2_000;

const RECONNECT_EVERY_MS = 5_000;

/** The errors of a server that is no master: it was demoted, or has never been one. */
const NO_MASTER = /^(READONLY|MASTERDOWN)/;

/**
 * Makes the rule when a client connects again because of an error of its server. A master that has become a replica keeps its
 * clients, and the address leads to the new master only on a new connection. Where the address leads to a replica, each
 * command would cost a connection: so once in five seconds.
 */
export function createReconnectRule(now: () => number = () => performance.now()): (error: Error) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return ({ message }) => {
    if (!NO_MASTER.test(message) || now() - last < RECONNECT_EVERY_MS) return false;
    last = now();
    return true;
  };
}

function base(text: string) {
  const url = new URL(text);
  return {
    ...placeOf(url),
    ...credentialsOf(url),
    db: Number(url.pathname.slice(1) || 0),
    connectTimeout: CONNECT_TIMEOUT_MS,
    // Without a cap, a client that has waited long keeps waiting after Redis is back (18 s were measured).
    retryStrategy,
  };
}

/** How long a client waits for what it asks. */
export interface AskingOptions {
  readonly commandTimeout?: number;
  readonly connectTimeout?: number;
  /** When an error of the server asks for another connection; null leaves that to the caller. */
  readonly reconnectOnError?: ((error: Error) => boolean) | null;
}

/** Prevents ioredis from printing the errors of a client on stderr, as it does while nothing listens for them. */
export function silenced<C extends Redis | Cluster>(client: C): C {
  client.on('error', () => {});
  return client;
}

const ASKING = {
  // Only commandTimeout bounds a Redis that is frozen: the connection is up, and nothing answers.
  commandTimeout: 1_000,
  maxRetriesPerRequest: 1,
};
const WAITING = { maxRetriesPerRequest: null };

// While a node is away, a command is sent again after 0.1 s, to where its slot has moved meanwhile: so often, and no more.
const REDIRECTIONS = 5;

interface ClusterBehaviour {
  readonly lazyConnect?: boolean;
  readonly enableOfflineQueue?: boolean;
  readonly maxRedirections?: number;
  readonly slotsRefreshTimeout?: number;
  readonly clusterRetryStrategy?: () => null;
}

/**
 * A client of the cluster that a URL names: `redis://:password@node-1:6379?cluster=true&nodes=node-2:6379,node-3:6379`. Any
 * node tells it of the others; more than one is named for the time when that one is away.
 */
function openCluster(
  text: string,
  limits: Omit<AskingOptions, 'reconnectOnError'> & { readonly maxRetriesPerRequest: number | null },
  options: ClusterBehaviour,
): Cluster {
  const url = new URL(text);
  const isSecure = url.protocol === 'rediss:';
  const nodes = allHosts(url, 'nodes').map((node) => addressOf(node, 6_379));
  const cluster = new Cluster(nodes, {
    redisOptions: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...credentialsOf(url),
      ...(isSecure && { tls: {} }),
      ...limits,
    },
    // A certificate is for a name, and not for the address behind it. And ioredis is between two states while it looks names
    // up: an old connection that ends in that moment is taken for a new one, and the client stays closed for good.
    dnsLookup: (name, done) => done(null, name),
    // Where it is asked whether the cluster is whole and it is not, ioredis connects again by itself and never settles
    // the first attempt's promise (its pull request 741): BullMQ's worker waited for good. A cluster that is down says so
    // to each command.
    enableReadyCheck: false,
    clusterRetryStrategy: retryStrategy,
    ...options,
  });
  // BullMQ makes duplicates, and takes its listeners off them before their last error.
  cluster.duplicate = (...args) => silenced(Cluster.prototype.duplicate.apply(cluster, args));
  return silenced(cluster);
}

// A node of a cluster that was demoted names the new master by itself: no connection has to be made anew.
const askCluster = (url: string, { reconnectOnError: _, ...options }: AskingOptions, more: ClusterBehaviour = {}) =>
  openCluster(
    url,
    { ...ASKING, ...options },
    { enableOfflineQueue: false, maxRedirections: REDIRECTIONS, slotsRefreshTimeout: ASKING.commandTimeout, ...more },
  );

function askingOptions(url: string) {
  return { ...base(url), ...ASKING, enableOfflineQueue: false, reconnectOnError: createReconnectRule() };
}

/**
 * How BullMQ connects where it asks: what fails, fails within a second or two instead of waiting for a Redis that is gone or
 * frozen. The client of a cluster is the caller's to end, since BullMQ ends only what it has made itself.
 */
export function askingConnection(url: string) {
  return isCluster(url) ? askCluster(url, {}) : askingOptions(url);
}

/** How BullMQ connects where it waits for work: it blocks for seconds at a time, so that no command may time out. */
export function waitingConnection(url: string) {
  return isCluster(url) ? openCluster(url, WAITING, {}) : { ...base(url), ...WAITING };
}

/** Opens a client that asks, and fails within a second or two; it has to be listened to for errors. */
export function openAskingClient(url: string, options: AskingOptions = {}): Redis | Cluster {
  return isCluster(url) ? askCluster(url, options) : new Redis({ ...askingOptions(url), ...options });
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

/** A client that tries to connect once, when it is told to. */
function openOnce(url: string): Redis | Cluster {
  const never = () => null;
  if (isCluster(url)) return askCluster(url, {}, { lazyConnect: true, clusterRetryStrategy: never });
  return new Redis({ ...askingOptions(url), lazyConnect: true, retryStrategy: never });
}

/**
 * Makes sure that Redis evicts no keys.
 * @returns null if it does not, or why that could not be checked now: that is no reason not to start
 * @throws EvictionPolicyError if it may evict keys
 */
export async function checkEvictionPolicy(url: string): Promise<Error | null> {
  let connectionError: Error | null = null;
  const redis = openOnce(url);
  redis.on('error', (error: Error) => {
    connectionError = error; // a password that is refused is told here, and the call says only that there is no connection
  });
  try {
    await redis.connect();
    // Any of them may have the queue.
    const servers = redis instanceof Cluster ? redis.nodes('master') : [redis];
    for (const server of servers) {
      const policy = /^maxmemory_policy:(\S+)/m.exec(await server.info('memory'))?.[1];
      if (policy !== undefined && policy !== 'noeviction') throw new EvictionPolicyError(policy);
    }
    return null;
  } catch (error) {
    if (error instanceof EvictionPolicyError) throw error;
    return connectionError ?? (error instanceof Error ? error : new Error(String(error)));
  } finally {
    redis.disconnect();
  }
}
