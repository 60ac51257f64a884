import type { FastifyInstance } from 'fastify';
import { type Deps, makeDeps } from '../../src/deps.ts';
import { closeApp } from '../../src/http/server/close.ts';
import { buildListeners } from '../../src/http/server/listeners.ts';
import { type Config, readConfig } from '../../src/platform/config.ts';
import { injectInto } from './api/transport.ts';
import { onCleanup, once } from './cleanup.ts';
import { type Clients, createClients, TEST_SECRET } from './client.ts';
import { createDatabase, type TestDatabase } from './database.ts';
import { type CapturedLog, captureLog } from './log.ts';
import { TEST_PREFIX, TEST_PREFIX_NAME } from './prefix.ts';
import { testRedisUrl } from './redis.ts';
import { mustBeFree } from './run/canary.ts';
import { waitFor } from './wait-for.ts';

export interface ServiceOptions {
  /** `api` unless told otherwise, so that no worker moves anything behind a test's back. */
  readonly role?: 'api' | 'worker' | 'all';
  /** Environment variables beyond those of the harness; they win. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another service's database, to have two services on one. */
  readonly database?: TestDatabase;
  /** Where the service finds its servers, if not at the test's own: a proxy, say. */
  readonly databaseUrl?: string;
  readonly redisUrl?: string;
}

/** The service in this process, made as main.ts makes it; nothing listens unless `listen` is called. */
export interface Service extends Clients {
  readonly app: FastifyInstance;
  /** What operators have a port of their own for, where OPS_PORT is set. */
  readonly ops: FastifyInstance | null;
  readonly deps: Deps;
  readonly config: Config;
  readonly database: TestDatabase;
  readonly redisUrl: string;
  readonly log: CapturedLog;
  /** Listens on a free port and returns the address. */
  readonly listen: () => Promise<string>;
  /** Stops it now instead of at the end of the file. */
  readonly close: () => Promise<void>;
}

/** The environment of every service under test. */
export function testEnvironment(databaseUrl: string, redisUrl: string): Record<string, string> {
  return {
    NODE_ENV: 'test',
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    AUTH_SECRET: TEST_SECRET,
    PORT: '0',
    LOG_LEVEL: 'debug',
    RATE_LIMIT_PER_MINUTE: '0',
    WEBHOOK_ENCRYPTION_KEY: TEST_WEBHOOK_KEY,
    REDIS_PREFIX: TEST_PREFIX_NAME,
  };
}

const TEST_WEBHOOK_KEY = Buffer.alloc(32, 'webhook key of the tests').toString('base64');
const REQUESTS_END_MS = 500;
const STOP_MS = 5_000;

/** What talks to Redis may not come to an end while a test has taken it away; the file has to end nevertheless. */
async function patiently(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, STOP_MS);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

const reachesRedis = ({ app }: Deps): Promise<boolean> =>
  app.http.queue.waiting(0, 1).then(
    () => true,
    () => false,
  );

/** Starts the service on a database and a Redis of its own. It is stopped at the end of the test file. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const { role = 'api', env = {}, database = await createDatabase() } = options;
  const databaseUrl = options.databaseUrl ?? database.url;
  const redisUrl = options.redisUrl ?? (await testRedisUrl());
  const config = readConfig({ ...testEnvironment(databaseUrl, redisUrl), ROLE: role, ...env });
  const log = captureLog(config.LOG_LEVEL);
  const webhookKeys = config.WEBHOOK_ENCRYPTION_KEY ?? null;
  const authSecret = config.AUTH_SECRET ?? null;
  const deps = makeDeps(config, { databaseUrl, redisUrl, authSecret, webhookKeys, queuePrefix: TEST_PREFIX }, log.log);
  const { main: app, ops } = await buildListeners(deps.app, { role, hasOpsPort: config.OPS_PORT !== undefined });
  await Promise.all([app.ready(), ops?.ready()]);
  // It starts without Redis, and so may be up before Redis is reached: a test of the queue would meet that as a failure.
  if (options.redisUrl === undefined) await waitFor('Redis is reached', () => reachesRedis(deps));
  const workers = role === 'api' ? null : deps.startWorkers();
  const close = once(async () => {
    await Promise.all([app, ...(ops === null ? [] : [ops])].map((one) => closeApp(one, REQUESTS_END_MS)));
    if (workers !== null) await patiently(workers.stop());
    await patiently(deps.close());
    mustBeFree(log.text(), 'the log');
  });
  onCleanup(close);
  const listen = () => app.listen({ host: '127.0.0.1', port: 0 });
  return { ...createClients(injectInto(app)), app, ops, deps, config, database, redisUrl, log, listen, close };
}
