import { freePort } from '../../../src/dev/embedded/processes.ts';
import { createDatabase } from '../../harness/database.ts';
import { startProcess } from '../../harness/process.ts';
import { seedDispute } from '../../harness/seed.ts';
import type { Place } from './observe.ts';
import type { Row } from './row.ts';
import { type ManagedRedis, startManagedRedis } from './servers/redis-server.ts';

/** The user that the docs give to copy. */
export const LEAST_RIGHTS = [
  '~{resolution-center*',
  '+@connection',
  '+@read',
  '+@write',
  '+@transaction',
  '+eval',
  '+evalsha',
  '-@dangerous',
  '+info',
];

const withUser =
  (...rules: readonly string[]) =>
  async (): Promise<Place> => {
    const redis = await startManagedRedis();
    return { redisUrl: await redis.withUser(rules), connections: redis.connections };
  };

/** Redis lets a category of commands be taken from a user. */
export const CATEGORIES = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
] as const;

async function full(redis: ManagedRedis): Promise<void> {
  const used = Number(/used_memory:(\d+)/.exec(await redis.admin.info('memory'))?.[1]);
  await redis.admin.config('SET', 'maxmemory', String(Math.max(1, used - 100_000)));
}

/** A Redis that requires a password, and how a service is told of it. */
async function withPassword(change: (url: string) => string): Promise<Place> {
  const { url, admin, connections } = await startManagedRedis();
  await admin.config('SET', 'requirepass', 'right');
  return { redisUrl: change(url), connections };
}

/** Another deployment with open disputes, and its own database. */
async function startOther(redisUrl: string): Promise<void> {
  const database = await createDatabase();
  // Databases of tests are copies of one, with its id.
  await database.query('UPDATE deployment SET id = gen_random_uuid()');
  const other = await startProcess({ database, redisUrl, env: { REDIS_PREFIX: '' } });
  for (let n = 0; n < 5; n += 1) await seedDispute(other, 'cancellation');
}

const BROKEN: readonly Row[] = [
  {
    name: 'a user with the least rights (below)',
    expected: 'ready',
    setUp: withUser(...LEAST_RIGHTS),
  },
  {
    name: 'no INFO (`+@all -@admin -@dangerous`)',
    expected: 'ready',
    setUp: withUser('~*', '&*', '+@all', '-@admin', '-@dangerous'),
  },
  { name: 'no EVAL', expected: 'degraded', setUp: withUser('~*', '&*', '+@all', '-eval', '-evalsha') },
  { name: 'no BZPOPMIN', expected: 'degraded', setUp: withUser('~*', '&*', '+@all', '-bzpopmin') },
  { name: 'keys of another prefix', expected: 'degraded', setUp: withUser('~other:*', '&*', '+@all') },
  {
    name: 'a wrong password',
    expected: 'degraded',
    setUp: () => withPassword((url) => url.replace('//', '//:wrong@')),
  },
  {
    name: 'no password where one is required',
    expected: 'degraded',
    setUp: () => withPassword((url) => url),
  },
  {
    name: 'a read-only replica from the start',
    expected: 'degraded',
    setUp: async () => {
      const [master, replica] = [await startManagedRedis(), await startManagedRedis()];
      await replica.admin.replicaof('127.0.0.1', Number(new URL(master.url).port));
      return { redisUrl: replica.url, connections: replica.connections };
    },
  },
  {
    name: 'a replica that has lost its master (`replica-serve-stale-data no`)',
    expected: 'degraded',
    setUp: async () => {
      const replica = await startManagedRedis({ 'replica-serve-stale-data': 'no' });
      await replica.admin.replicaof('127.0.0.1', await freePort());
      return { redisUrl: replica.url };
    },
  },
  {
    name: 'an unknown parameter (`?sentinel=`) in `REDIS_URL`',
    expected: 'refuses',
    setUp: async () => ({ redisUrl: `${(await startManagedRedis()).url}?sentinel=other:26379` }),
  },
  {
    name: 'a master that becomes a replica while it is used',
    expected: 'degraded',
    setUp: async () => {
      const [master, other] = [await startManagedRedis(), await startManagedRedis()];
      const spoil = () => master.admin.replicaof('127.0.0.1', Number(new URL(other.url).port));
      return { redisUrl: master.url, connections: master.connections, spoil };
    },
  },
  {
    name: 'memory full (`noeviction`)',
    expected: 'degraded',
    setUp: async () => {
      const redis = await startManagedRedis();
      return { redisUrl: redis.url, connections: redis.connections, spoil: () => full(redis) };
    },
  },
  {
    name: 'the queue is paused',
    expected: 'degraded',
    setUp: async () => {
      const redis = await startManagedRedis();
      const spoil = () => redis.admin.hset('{resolution-center}:deadlines:meta', 'paused', '1');
      return { redisUrl: redis.url, spoil };
    },
  },
  {
    name: 'another deployment on the same Redis',
    expected: 'ready',
    setUp: async () => {
      const redis = await startManagedRedis();
      const env = { REDIS_PREFIX: '' };
      await startOther(redis.url);
      return { redisUrl: redis.url, env };
    },
  },
];

/** Every setting of Redis in the table. */
export const REDIS_ROWS: readonly Row[] = [
  ...BROKEN,
  ...CATEGORIES.map(
    (category): Row => ({
      name: `a user without \`@${category}\``,
      expected: 'either',
      setUp: withUser('~*', '&*', '+@all', `-@${category}`),
    }),
  ),
];
