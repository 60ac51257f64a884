import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import type { TestDatabase } from '../../harness/database.ts';
import { runProgram, type ServiceProcess, startProcess } from '../../harness/process.ts';
import { makeRoles, type RoleDatabase } from '../../harness/roles.ts';
import { type PostgresServer, startServer } from '../../harness/stage/postgres-server.ts';
import { prepareRedis, type RedisServer } from '../../harness/stage/redis-server.ts';

const PASSWORD = 'a-password-of-the-drill';

/** A process of the service that comes back at the same addresses. */
export interface Member {
  readonly role: 'api' | 'worker';
  /** The operators' port, which is there while it is away, too. */
  readonly ops: string;
  readonly start: (env?: Readonly<Record<string, string>>) => Promise<void>;
  readonly stop: (signal: NodeJS.Signals) => Promise<void>;
  readonly process: () => ServiceProcess;
}

/** A split deployment of the built service: api and worker apart, servers of their own with passwords, the roles of ops/roles.sql. */
export interface Deployment {
  readonly postgres: PostgresServer;
  readonly redis: RedisServer;
  readonly redisUrl: string;
  readonly database: TestDatabase;
  readonly urlOf: RoleDatabase['urlOf'];
  readonly api: Member;
  readonly worker: Member;
}

async function createDatabaseOn(postgres: PostgresServer): Promise<TestDatabase> {
  await postgres.pool.query('CREATE DATABASE resolution_center');
  const url = new URL(postgres.url);
  url.pathname = '/resolution_center';
  const pool = new pg.Pool({ connectionString: url.href, max: 4, allowExitOnIdle: true });
  pool.on('error', () => {}); // the server is killed on purpose
  onCleanup(() => pool.end());
  const query: TestDatabase['query'] = async (sql, values) => (await pool.query(sql, [...(values ?? [])])).rows;
  return { url: url.href, name: 'resolution_center', query, drop: async () => {} };
}

type Place = Pick<Deployment, 'database' | 'redisUrl' | 'urlOf'>;

async function makeMember(role: Member['role'], windowSeconds: number, place: Place): Promise<Member> {
  const [port, opsPort] = [await freePort(), await freePort()];
  const fixed = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    PORT: String(port),
    OPS_PORT: String(opsPort),
    WINDOW_CANCELLATION: `PT${windowSeconds}S`,
    REMINDERS: 'none',
  };
  let running: ServiceProcess;
  const start: Member['start'] = async (env = {}) => {
    const { database, redisUrl, urlOf } = place;
    running = await startProcess({ role, database, databaseUrl: urlOf('app'), redisUrl, env: { ...fixed, ...env } });
  };
  await start();
  return {
    role,
    ops: `http://127.0.0.1:${opsPort}`,
    start,
    stop: async (signal) => void (await running.stop(signal)),
    process: () => running,
  };
}

/**
 * Starts one. All of it is taken away at the end of the test file.
 * @param windowSeconds how long the respondent to a cancellation has
 */
export async function startDeployment(windowSeconds: number): Promise<Deployment> {
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-drill-'));
  onCleanup(() => rm(home, { recursive: true, force: true }));
  await chmod(home, 0o755); // PostgreSQL does not run as root
  const [postgres, redis] = await Promise.all([
    startServer(home, false),
    prepareRedis(join(home, 'redis'), PASSWORD).then(async (prepared) => {
      await prepared.start();
      return prepared;
    }),
  ]);
  onCleanup(() => redis.kill(false));
  onCleanup(postgres.stop);
  const database = await createDatabaseOn(postgres);
  const urlOf = await makeRoles(database);
  const migrated = runProgram('cli/ops.js', ['migrate'], { env: { DATABASE_URL: urlOf('migrate') } });
  if ((await migrated.exited).code !== 0) throw new Error(`migrate failed: ${migrated.stderr()}`);
  const redisUrl = `redis://default:${PASSWORD}@127.0.0.1:${redis.port}`;
  const place = { database, redisUrl, urlOf };
  const [api, worker] = await Promise.all([
    makeMember('api', windowSeconds, place),
    makeMember('worker', windowSeconds, place),
  ]);
  return { ...place, postgres, redis, api, worker };
}
