import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres } from '../../src/platform/embedded/postgres.ts';
import { freePort } from '../../src/platform/embedded/processes.ts';
import { migrate } from '../../src/platform/migrations.ts';
import { waitFor } from '../harness/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');
export const SECRET = 'the secret of the fault test, long enough';
/** Short, and different for each type: disputes fall due all the time. */
export const WINDOWS = { order_update: 3, cancellation: 4, order_change: 6 } as const;

/** A process of the service that can be killed and comes back at the same address. */
export interface Instance {
  readonly role: 'api' | 'worker';
  readonly url: string;
  child: ChildProcess;
  /** Its host's clock, as `faketime` takes it; empty for the true one. */
  skew: string;
}

export interface Stage {
  readonly admin: pg.Pool;
  readonly redisPort: number;
  readonly apis: readonly Instance[];
  readonly workers: readonly Instance[];
  readonly startRedis: () => Promise<void>;
  readonly killRedis: (loseFiles: boolean) => Promise<void>;
  readonly signalRedis: (signal: NodeJS.Signals) => void;
  /** Kills PostgreSQL as a crash would and starts it again; resolves when it answers. */
  readonly crashPostgres: (downMs: number) => Promise<void>;
  readonly start: (instance: Instance) => Promise<void>;
  /** Ends a process and says how long that took and with what. */
  readonly end: (instance: Instance, signal: NodeJS.Signals) => Promise<{ ms: number; code: number | null }>;
  readonly close: () => Promise<void>;
}

export function hasProgram(name: string): boolean {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

function environment(databaseUrl: string, redisPort: number, instance: Pick<Instance, 'role' | 'url'>) {
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: databaseUrl,
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
    AUTH_SECRET: SECRET,
    ROLE: instance.role,
    PORT: new URL(instance.url).port,
    WINDOW_ORDER_UPDATE: `PT${WINDOWS.order_update}S`,
    WINDOW_CANCELLATION: `PT${WINDOWS.cancellation}S`,
    WINDOW_ORDER_CHANGE: `PT${WINDOWS.order_change}S`,
    REMINDERS: 'PT1S',
    RATE_LIMIT_PER_MINUTE: '0',
    LOG_LEVEL: 'error',
    DATABASE_POOL_SIZE: '8',
  };
}

/** What was started as a crash leaves it: the same program with the same arguments, by the same user. */
function revive(pid: number): () => void {
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  const { uid, gid } = statSync(`/proc/${pid}`);
  const account = process.getuid?.() === 0 ? { uid, gid } : {};
  return () => {
    const env = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' };
    spawn(command, args, { ...account, cwd: '/', env, detached: true, stdio: 'ignore' }).unref();
  };
}

const isGone = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

/** Sets everything up: PostgreSQL with its durable settings, a real Redis, two apis and two workers. */
export async function setUp(): Promise<Stage> {
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
    cwd: ROOT,
  });
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-faults-'));
  await chmod(home, 0o755);
  const postgres = await startPostgres({ dataDir: home, durable: true, say: () => {} });
  await migrate(postgres.url, join(ROOT, 'migrations'));
  const admin = new pg.Pool({ connectionString: postgres.url, max: 4 });
  admin.on('error', () => {});
  let postgresPid = postgres.pid;

  const redisPort = await freePort();
  const redisHome = join(home, 'redis');
  let redis: ChildProcess | undefined;
  const startRedis = async () => {
    await mkdir(redisHome, { recursive: true });
    const settings = ['--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction', '--dir', redisHome];
    redis = spawn('redis-server', ['--port', String(redisPort), ...settings], { stdio: 'ignore' });
    await waitFor('redis starts', () => redisAnswers(redisPort));
  };
  await startRedis();

  const instances: Instance[] = [];
  const launch = (instance: Instance) => {
    const [command = '', ...before] =
      instance.skew === '' ? [process.execPath] : ['faketime', '-f', instance.skew, process.execPath];
    const env = environment(postgres.url, redisPort, instance);
    instance.child = spawn(command, [...before, 'dist/main.js'], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  };
  const start = async (instance: Instance) => {
    launch(instance);
    await waitFor(
      `${instance.role} starts`,
      async () => {
        // One that finds no PostgreSQL ends, and whoever runs it starts it again.
        if (instance.child.exitCode !== null) launch(instance);
        return await answers(instance.url);
      },
      60_000,
    );
  };
  const create = async (role: Instance['role']): Promise<Instance> => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const instance = { role, url, skew: '', child: undefined as unknown as ChildProcess };
    instances.push(instance);
    await start(instance);
    return instance;
  };
  const apis = [await create('api'), await create('api')];
  const workers = [await create('worker'), await create('worker')];

  const end = async ({ child }: Instance, signal: NodeJS.Signals) => {
    const begun = performance.now();
    if (child.exitCode !== null || child.signalCode !== null) return { ms: 0, code: child.exitCode };
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code] = (await ended) as [number | null];
    return { ms: performance.now() - begun, code };
  };
  const killRedis = async (loseFiles: boolean) => {
    const ended = redis === undefined ? undefined : once(redis, 'exit');
    redis?.kill('SIGKILL');
    await ended;
    if (loseFiles) await rm(redisHome, { recursive: true, force: true });
  };

  return {
    admin,
    redisPort,
    apis,
    workers,
    startRedis,
    killRedis,
    signalRedis: (signal) => void redis?.kill(signal),
    crashPostgres: async (downMs) => {
      const startAgain = revive(postgresPid);
      process.kill(postgresPid, 'SIGQUIT');
      await waitFor('postgres is gone', () => isGone(postgresPid));
      await sleep(downMs);
      startAgain();
      postgresPid = await waitFor('postgres is back', async () => await serverPid(admin, home), 30_000);
    },
    start,
    end,
    close: async () => {
      await Promise.all(instances.map((instance) => end(instance, 'SIGKILL')));
      await killRedis(false);
      await admin.end();
      process.kill(postgresPid, 'SIGQUIT');
      await waitFor('postgres is gone', () => isGone(postgresPid));
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function serverPid(admin: pg.Pool, home: string): Promise<number | undefined> {
  try {
    await admin.query('SELECT 1');
    return Number(readFileSync(join(home, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
  } catch {
    return undefined;
  }
}

async function redisAnswers(port: number): Promise<boolean> {
  try {
    return execFileSync('redis-cli', ['-p', String(port), 'ping'], {
      timeout: 1_000,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).startsWith('PONG');
  } catch {
    return false;
  }
}
