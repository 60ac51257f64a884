import { join } from 'node:path';
import type { Pool } from 'pg';
import { migrate } from '../../../src/platform/postgres/migrations.ts';
import { createInstances, end, type Instance } from '../../harness/stage/instances.ts';
import type { PostgresServer } from '../../harness/stage/postgres-server.ts';
import type { RedisServer } from '../../harness/stage/redis-server.ts';
import { startServers, type Undo } from '../../harness/stage/servers.ts';
import { installTraps } from './kinds/traps.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Everything that faults happen to. */
export interface Stage {
  /** Our own connections to the database, which no fault is aimed at. */
  readonly admin: Pool;
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly apis: readonly Instance[];
  readonly workers: readonly Instance[];
  readonly start: (instance: Instance) => Promise<void>;
  readonly close: () => Promise<void>;
}

/**
 * Sets everything up: PostgreSQL with its durable settings, a real Redis, two apis and two workers.
 * @param movableClock whether PostgreSQL's clock shall be one that a fault can set
 */
export async function setUp({ movableClock = false } = {}): Promise<Stage> {
  const undo: Undo = [];
  const close = async () => {
    for (const signal of SIGNALS) process.off(signal, interrupted);
    for (const step of undo.splice(0).reverse()) await step();
  };
  // An interrupted run stops everything that it has started.
  const interrupted = () => void close().finally(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, interrupted);
  try {
    const { directory, postgres, redis, redisUrl } = await startServers('faults', undo, movableClock);
    await migrate(postgres.url, join(directory, 'migrations'));
    await installTraps(postgres.pool);
    const { create, start } = createInstances({ directory, databaseUrl: postgres.url, redisUrl });
    const make = async (role: Instance['role'], number: number) => {
      const instance = await create(role, number);
      undo.push(async () => {
        instance.child.kill('SIGCONT');
        await end(instance, 'SIGKILL');
        await instance.redis.close();
      });
      return instance;
    };
    const apis = [await make('api', 1), await make('api', 2)];
    const workers = [await make('worker', 1), await make('worker', 2)];
    return { admin: postgres.pool, postgres, redis, apis, workers, start, close };
  } catch (error) {
    await close();
    throw error;
  }
}
