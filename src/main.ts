import closeWithGrace from 'close-with-grace';
import type { Logger } from 'pino';
import type { Surroundings } from './deps.ts';
import { type Config, ConfigError, readConfig } from './platform/config.ts';
import { DATA_DIR, developmentSecret, developmentWebhookKey } from './platform/development.ts';
import { createLog } from './platform/log.ts';
import { MIGRATIONS, migrate } from './platform/migrations.ts';
import { checkEvictionPolicy } from './platform/redis.ts';
import { startTracing } from './platform/tracing.ts';
import { stopWithin } from './platform/within.ts';
import type { Server } from './serve.ts';

const SHUTDOWN_MS = 10_000;
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
  // What comes next is read while the servers start; what it rejects with is raised there.
  import('./serve.ts').catch(() => {});
  const needs = { needPostgres: databaseUrl === undefined, needRedis: redisUrl === undefined };
  const servers = await startEmbedded({ dataDir: DATA_DIR, ...needs, say });
  const found = { databaseUrl: databaseUrl ?? servers.databaseUrl, redisUrl: redisUrl ?? servers.redisUrl };
  if (found.databaseUrl === undefined || found.redisUrl === undefined) throw new Error('a server was not started');
  return { databaseUrl: found.databaseUrl, redisUrl: found.redisUrl, authSecret, webhookKeys, stop: servers.stop };
}

/**
 * Brings the database to its schema, and looks at Redis's settings.
 * @throws if there is no database, or a Redis that would forget jobs
 */
async function prepare(config: Config, surroundings: Surroundings, log: Logger): Promise<void> {
  const applied = await migrate(surroundings.databaseUrl, MIGRATIONS);
  if (applied.length > 0) log.info({ applied }, 'migrated the database');
  if (config.ROLE !== 'api' && !(await checkEvictionPolicy(surroundings.redisUrl))) {
    log.warn('Redis is away; deadlines take effect by the sweeper, about a second late, until it is back');
  }
  if (surroundings.webhookKeys === null) log.warn('WEBHOOK_ENCRYPTION_KEY is not set: there are no webhooks');
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.LOG_LEVEL);
  const tracing = await startTracing(process.env, config.ROLE, log);
  const surroundings = await findSurroundings(config);
  let server: Server | undefined;
  closeWithGrace({ delay: SHUTDOWN_MS, logger: false }, async ({ signal, err }) => {
    if (err !== undefined) log.fatal({ err }, 'stopping after an error that nobody handled');
    log.info({ signal }, 'stopping');
    await server?.stop();
    if (tracing !== null) await stopWithin(SPANS_LEAVE_MS, 'the traces', tracing.stop(), log);
    await surroundings.stop();
    log.info('stopped');
  });
  try {
    await prepare(config, surroundings, log);
    // Not before: most of what a start takes is reading this, and where there is no database it would be for nothing.
    const { serve } = await import('./serve.ts');
    server = await serve(config, surroundings, log);
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
