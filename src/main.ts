import { join } from 'node:path';
import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import { example } from './banner.ts';
import { type Deps, makeDeps, type Surroundings } from './deps.ts';
import { closeApp } from './http/close.ts';
import { buildDoors } from './http/doors.ts';
import { type Config, ConfigError, readConfig } from './platform/config.ts';
import { DATA_DIR, developmentSecret, developmentWebhookKey } from './platform/development.ts';
import { createLog } from './platform/log.ts';
import { migrate } from './platform/migrations.ts';
import { checkEvictionPolicy } from './platform/redis.ts';
import { startTracing } from './platform/tracing.ts';
import { within } from './platform/within.ts';

const MIGRATIONS = join(import.meta.dirname, '../migrations');
const SHUTDOWN_MS = 10_000;
// Neither may take what the others need of those ten seconds; a request is over in less, by its own time limits.
const REQUESTS_END_MS = 5_000;
const WORKERS_STOP_MS = 5_000;
const CONNECTIONS_CLOSE_MS = 2_000;
const SPANS_LEAVE_MS = 2_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** In production there is no key but one that is given: a made one would be lost with the container. */
async function webhookKeysOf({ NODE_ENV, WEBHOOK_ENCRYPTION_KEY }: Config): Promise<Surroundings['webhookKeys']> {
  if (WEBHOOK_ENCRYPTION_KEY !== undefined) return WEBHOOK_ENCRYPTION_KEY;
  return NODE_ENV === 'production' ? null : [await developmentWebhookKey(DATA_DIR)];
}

/** Uses the servers that are configured, and starts those that are not. */
async function findSurroundings(config: Config): Promise<Surroundings & { stop: () => Promise<void> }> {
  const authSecret =
    config.AUTH_SECRET ?? (config.AUTH_JWKS_URL === undefined ? await developmentSecret(DATA_DIR) : null);
  const webhookKeys = await webhookKeysOf(config);
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = config;
  if (databaseUrl !== undefined && redisUrl !== undefined) {
    return { databaseUrl, redisUrl, authSecret, webhookKeys, stop: async () => {} };
  }
  const { startEmbedded } = await import('./platform/embedded/servers.ts');
  const needs = { needPostgres: databaseUrl === undefined, needRedis: redisUrl === undefined };
  const servers = await startEmbedded({ dataDir: DATA_DIR, ...needs, say });
  const found = { databaseUrl: databaseUrl ?? servers.databaseUrl, redisUrl: redisUrl ?? servers.redisUrl };
  if (found.databaseUrl === undefined || found.redisUrl === undefined) throw new Error('a server was not started');
  return { databaseUrl: found.databaseUrl, redisUrl: found.redisUrl, authSecret, webhookKeys, stop: servers.stop };
}

/** Waits for something to stop, but not for ever. */
async function stopWithin(ms: number, what: string, work: Promise<unknown>, log: Logger): Promise<void> {
  try {
    await within(ms, `${what} did not stop within ${ms} ms`, work);
  } catch (error) {
    log.warn({ err: error }, 'stopping without it');
  }
}

async function serve(config: Config, deps: Deps, log: Logger) {
  const { main, ops } = await buildDoors(deps.app, { role: config.ROLE, hasOpsPort: config.OPS_PORT !== undefined });
  const address = await main.listen({ host: config.HOST, port: config.PORT });
  const opsAddress = await ops?.listen({ host: config.OPS_HOST ?? config.HOST, port: config.OPS_PORT ?? 0 });
  const workers = config.ROLE === 'api' ? null : deps.startWorkers();
  const stop = async () => {
    const workersStop = workers === null ? null : stopWithin(WORKERS_STOP_MS, 'the workers', workers.stop(), log);
    const closing = [main, ...(ops === null ? [] : [ops])].map((app) => closeApp(app, REQUESTS_END_MS));
    await Promise.all([...closing, workersStop]);
    await stopWithin(CONNECTIONS_CLOSE_MS, 'the connections', deps.close(), log);
  };
  return { address, opsAddress, stop };
}

async function introduce(config: Config, address: string, authSecret: string | null): Promise<void> {
  say(`Resolution Center (${config.ROLE}) listens on ${address}`);
  if (config.ROLE === 'worker') return;
  say(`API reference: ${address}/docs`);
  // Tokens are printed only where the secret behind them is this checkout's own.
  if (config.AUTH_SECRET !== undefined || authSecret === null) return;
  const claims = {
    ...(config.AUTH_ISSUER !== undefined && { issuer: config.AUTH_ISSUER }),
    ...(config.AUTH_AUDIENCE !== undefined && { audience: config.AUTH_AUDIENCE }),
  };
  say(await example(address, authSecret, claims));
}

/** Starts a process, in surroundings that are there. */
async function start(config: Config, surroundings: Surroundings, log: Logger): Promise<{ stop: () => Promise<void> }> {
  const applied = await migrate(surroundings.databaseUrl, MIGRATIONS);
  if (applied.length > 0) log.info({ applied }, 'migrated the database');
  if (config.ROLE !== 'api' && !(await checkEvictionPolicy(surroundings.redisUrl))) {
    log.warn('Redis is away; deadlines take effect by the sweeper, about a second late, until it is back');
  }
  if (surroundings.webhookKeys === null) log.warn('WEBHOOK_ENCRYPTION_KEY is not set: there are no webhooks');
  const server = await serve(config, makeDeps(config, surroundings, log), log);
  if (server.opsAddress !== undefined) say(`Operators: ${server.opsAddress}/ops/queues`);
  await introduce(config, server.address, surroundings.authSecret);
  return server;
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.LOG_LEVEL);
  const tracing = startTracing(process.env, config.ROLE, log);
  const surroundings = await findSurroundings(config);
  let server: { stop: () => Promise<void> } | undefined;
  closeWithGrace({ delay: SHUTDOWN_MS, logger: false }, async ({ signal, err }) => {
    if (err !== undefined) log.fatal({ err }, 'stopping after an error that nobody handled');
    log.info({ signal }, 'stopping');
    await server?.stop();
    if (tracing !== null) await stopWithin(SPANS_LEAVE_MS, 'the traces', tracing.stop(), log);
    await surroundings.stop();
    log.info('stopped');
  });
  try {
    server = await start(config, surroundings, log);
  } catch (error) {
    await surroundings.stop();
    throw error;
  }
}

try {
  await main();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${error instanceof ConfigError ? message : `The service could not start: ${message}`}\n`);
  process.exit(1);
}
