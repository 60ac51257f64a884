import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildService } from '../run/build.ts';
import { type PostgresServer, startServer } from './postgres-server.ts';
import { prepareRedis, type RedisServer } from './redis-server.ts';

/** What has to be undone in the end, the last first. */
export type Undo = (() => Promise<unknown>)[];

/** What processes of the service need. */
export interface Servers {
  /** A directory of their own, that every account may enter. */
  readonly home: string;
  /** Where the service was built. */
  readonly directory: string;
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly redisUrl: string;
}

/**
 * Builds the service, and starts PostgreSQL with its durable settings and a real Redis.
 * @param name what their directory is called after
 * @param undo gets what takes each of them away again, also of those that were started before another failed
 * @param movableClock whether PostgreSQL's clock shall be one that can be set
 */
export async function startServers(name: string, undo: Undo, movableClock = false): Promise<Servers> {
  const home = await mkdtemp(join(tmpdir(), `resolution-center-${name}-`));
  undo.push(() => rm(home, { recursive: true, force: true }));
  const directory = await buildService(home);
  const postgres = await startServer(home, movableClock);
  undo.push(postgres.stop);
  const redis = await prepareRedis(join(home, 'redis'));
  undo.push(() => redis.kill(false));
  await redis.start();
  return { home, directory, postgres, redis, redisUrl: `redis://127.0.0.1:${redis.port}` };
}
