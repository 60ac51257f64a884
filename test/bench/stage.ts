import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { migrate } from '../../src/platform/postgres/migrations.ts';
import { createInstances, end, type Instance } from '../harness/stage/instances.ts';
import type { PostgresServer } from '../harness/stage/postgres-server.ts';
import { startServers, type Undo } from '../harness/stage/servers.ts';

/** A database of its own on the server that everything is measured on, and an empty Redis. */
export interface BenchDatabase {
  readonly url: string;
  readonly admin: pg.Pool;
  readonly drop: () => Promise<void>;
}

/** The servers that everything is measured on, with durable settings. */
export interface BenchStage {
  /** A directory for files that every account may read. */
  readonly home: string;
  /** Where the service was built. */
  readonly directory: string;
  readonly postgresVersion: string;
  readonly redis: Redis;
  readonly redisUrl: string;
  readonly newDatabase: () => Promise<BenchDatabase>;
  /** The same without the service's schema. */
  readonly emptyDatabase: () => Promise<BenchDatabase>;
  /** The process whose children serve PostgreSQL's connections. */
  readonly postgresPid: number;
  /** Starts a process of the service; the function that comes with it ends it. */
  readonly start: (
    database: BenchDatabase,
    role: Instance['role'],
    env?: Readonly<Record<string, string>>,
  ) => Promise<{ readonly instance: Instance; readonly stop: () => Promise<void> }>;
}

/** As in production, with everything on; the limit of requests counts, and is never reached. */
const EVERYTHING_ON = {
  LOG_LEVEL: 'info',
  RATE_LIMIT_PER_MINUTE: '1000000',
  REMINDERS: 'PT24H,PT2H',
  WINDOW_ORDER_UPDATE: 'PT48H',
  WINDOW_CANCELLATION: 'PT48H',
  WINDOW_ORDER_CHANGE: 'PT96H',
  DATABASE_POOL_SIZE: '10',
};

/** Statements are counted only on request. */
async function countStatements({ pool, crash }: PostgresServer): Promise<void> {
  await pool.query(`ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'`);
  await pool.query(`ALTER SYSTEM SET pg_stat_statements.track = 'none'`);
  await crash(0);
}

/** Sets up the servers, does the work, and takes everything away again. */
export async function onStage<T>(work: (stage: BenchStage) => Promise<T>): Promise<T> {
  const undo: Undo = [];
  try {
    const { home, directory, postgres, redisUrl } = await startServers('bench', undo);
    await countStatements(postgres);
    const redis = new Redis(redisUrl);
    undo.push(async () => redis.disconnect());
    let made = 0;
    const emptyDatabase = async (): Promise<BenchDatabase> => {
      made += 1;
      const name = `bench_${made}`;
      await postgres.pool.query(`CREATE DATABASE ${name}`);
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      const admin = new pg.Pool({ connectionString: url.href, max: 4, application_name: 'bench' });
      admin.on('error', () => {});
      const drop = async () => {
        await admin.end();
        await postgres.pool.query(`DROP DATABASE ${name} WITH (FORCE)`);
      };
      return { url: url.href, admin, drop };
    };
    const newDatabase = async (): Promise<BenchDatabase> => {
      await redis.flushall();
      const database = await emptyDatabase();
      await migrate(database.url, join(directory, 'migrations'));
      return database;
    };
    let started = 0;
    const start: BenchStage['start'] = async (database, role, env = {}) => {
      started += 1;
      const surroundings = { directory, databaseUrl: database.url, redisUrl };
      const instance = await createInstances(surroundings, { ...EVERYTHING_ON, ...env }).create(role, started);
      const stop = async () => {
        await end(instance, 'SIGKILL');
        await instance.redis.close();
      };
      undo.push(stop);
      return { instance, stop };
    };
    const { rows } = await postgres.pool.query<{ version: string }>('SHOW server_version');
    return await work({
      home,
      directory,
      postgresVersion: rows[0]?.version ?? '',
      redis,
      redisUrl,
      newDatabase,
      emptyDatabase,
      postgresPid: postgres.pid(),
      start,
    });
  } finally {
    for (const step of undo.reverse()) await step();
  }
}
