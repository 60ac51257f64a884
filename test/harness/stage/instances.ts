import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { TEST_PREFIX_NAME } from '../prefix.ts';
import { type ServerProxy, startProxy } from '../programs/proxy.ts';
import { waitFor } from '../wait-for.ts';
import { movedClock } from './programs.ts';

export const SECRET = 'the secret of the fault test, long enough';
/** Seconds: short, and different for each type, so that disputes fall due all the time. */
export const WINDOWS = { order_update: 3, cancellation: 4, order_change: 6 } as const;

const START_MS = 60_000;

/** A process of the service that can be killed and comes back at the same address. */
export interface Instance {
  readonly role: 'api' | 'worker';
  /** As PostgreSQL knows it: its connections' application_name. */
  readonly name: string;
  readonly url: string;
  /** Its own way to Redis. */
  readonly redis: ServerProxy;
  child: ChildProcess;
  /** Whether it gets no requests: a load balancer knows that it is about to end, or not up yet. */
  isDrained: boolean;
  /** For how long it has been stopped by SIGSTOP so far, in milliseconds. */
  frozenMs: number;
  /** Its host's clock, as libfaketime takes it; empty for the true one. */
  skew: string;
}

/** How a process ended. */
export interface Exit {
  readonly ms: number;
  readonly code: number | null;
}

interface Surroundings {
  /** Where the service was built. */
  readonly directory: string;
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

function environment({ databaseUrl }: Surroundings, instance: Pick<Instance, 'name' | 'role' | 'url' | 'redis'>) {
  const database = new URL(databaseUrl);
  database.searchParams.set('application_name', instance.name);
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: database.href,
    REDIS_URL: instance.redis.url,
    AUTH_SECRET: SECRET,
    REDIS_PREFIX: TEST_PREFIX_NAME,
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

/** How often a process that starts is asked whether it is up: those who ask must not be what it waits for. */
const LOOK_MS = 100;

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;

/** Sends a signal and waits for the end. */
export async function end({ child }: Instance, signal: NodeJS.Signals): Promise<Exit> {
  if (hasEnded(child)) return { ms: 0, code: child.exitCode };
  const begun = performance.now();
  const ended = once(child, 'exit');
  child.kill(signal);
  const [code] = (await ended) as [number | null];
  return { ms: performance.now() - begun, code };
}

/**
 * Makes processes of the service, and starts them again.
 * @param env variables beyond those of a fault test; they win
 */
export function createInstances(surroundings: Surroundings, env: Readonly<Record<string, string>> = {}) {
  const launch = (instance: Omit<Instance, 'child'>): ChildProcess => {
    const clock = instance.skew === '' ? {} : movedClock({ by: instance.skew });
    return spawn(process.execPath, ['dist/main.js'], {
      cwd: surroundings.directory,
      env: { ...environment(surroundings, instance), ...env, ...clock },
      stdio: 'ignore',
    });
  };
  const start = async (instance: Instance) => {
    instance.child = launch(instance);
    const isUp = async () => {
      // One that finds no PostgreSQL ends, and its supervisor starts it again.
      if (hasEnded(instance.child)) instance.child = launch(instance);
      return await answers(instance.url);
    };
    await waitFor(`${instance.name} starts`, isUp, START_MS, LOOK_MS);
  };
  const create = async (role: Instance['role'], number: number): Promise<Instance> => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const base = {
      role,
      name: `${role} ${number}`,
      url,
      redis: await startProxy(surroundings.redisUrl),
      skew: '',
      isDrained: false,
      frozenMs: 0,
    };
    const instance: Instance = { ...base, child: launch(base) };
    await waitFor(`${instance.name} starts`, () => answers(url), START_MS, LOOK_MS);
    return instance;
  };
  return { create, start };
}
