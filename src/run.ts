import type { Logger } from 'pino';
import type { Surroundings } from './deps.ts';
import {
  DATA_DIR,
  developmentSecret,
  developmentWebhookKey,
  usesDevelopmentWebhookKey,
} from './dev/development-secrets.ts';
import {
  type Config,
  ConfigError,
  describeResemblance,
  readServiceConfig,
  resemblingShortNames,
  tokenKeysOf,
} from './platform/config.ts';
import { createLastWords, createLog, createRepeatingLog, surviveLostOutput } from './platform/log.ts';
import type { StrayOutput } from './platform/logging/stray-output.ts';
import { MIGRATIONS, migrate } from './platform/postgres/migrations.ts';
import { checkEvictionPolicy } from './platform/redis/redis.ts';
import { outageOf } from './platform/redis/redis-errors.ts';
import { type Shutdown, StopAsked, whenAborted } from './platform/shutdown.ts';
import { withAdvice } from './platform/start-problems.ts';
import { startTracing } from './platform/tracing.ts';
import { VERSION } from './platform/version.ts';
import { stopWithin, within } from './platform/within.ts';
import type { Server } from './serve.ts';

const SHUTDOWN_MS = 10_000;
const SPANS_LEAVE_MS = 2_000;

/** Tells what a start finds or serves: on a line for people, or in production, where only programs read, in the log. */
const sayTo =
  ({ NODE_ENV }: Config, log: Logger) =>
  (line: string): void =>
    NODE_ENV === 'production' ? log.info(line) : void process.stdout.write(`${line}\n`);

/** The keys that encrypt webhooks' secrets; null where there are none, and so no webhooks. */
async function webhookKeysOf(config: Config): Promise<Surroundings['webhookKeys']> {
  if (usesDevelopmentWebhookKey(config)) return [await developmentWebhookKey(DATA_DIR)];
  return config.WEBHOOK_ENCRYPTION_KEY ?? null;
}

/** The secret of HS256 tokens; null where an issuer's keys check them. */
async function authSecretOf(config: Config): Promise<string | null> {
  const keys = tokenKeysOf(config);
  if (keys.kind === 'development') return await developmentSecret(DATA_DIR);
  return keys.kind === 'secret' ? keys.secret : null;
}

/** Embedded servers are left running. */
class LeftBehindError extends Error {
  constructor(cause: unknown) {
    super(`The embedded servers could not be stopped: ${withAdvice(cause)}`, { cause });
    this.name = 'LeftBehindError';
  }
}

/** Uses the servers that are configured, and starts those that are not. */
async function findSurroundings(
  config: Config,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Surroundings & { stop: () => Promise<void> }> {
  const authSecret = await authSecretOf(config);
  const webhookKeys = await webhookKeysOf(config);
  const { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl } = config;
  if (databaseUrl !== undefined && redisUrl !== undefined) {
    return { databaseUrl, redisUrl, authSecret, webhookKeys, stop: async () => {} };
  }
  const { startEmbedded } = await import('./dev/embedded/servers.ts');
  // What comes next is read while the servers start; what it rejects with is raised there.
  import('./serve.ts').catch(() => {});
  const needs = { needPostgres: databaseUrl === undefined, needRedis: redisUrl === undefined };
  const servers = await startEmbedded({ dataDir: DATA_DIR, ...needs, say, signal });
  const stop = () =>
    servers.stop().catch((error: unknown) => {
      throw new LeftBehindError(error);
    });
  const found = { databaseUrl: databaseUrl ?? servers.databaseUrl, redisUrl: redisUrl ?? servers.redisUrl };
  if (found.databaseUrl === undefined || found.redisUrl === undefined) throw new Error('a server was not started');
  return { databaseUrl: found.databaseUrl, redisUrl: found.redisUrl, authSecret, webhookKeys, stop };
}

/**
 * Brings the database to its schema, and looks at Redis's settings.
 * @throws if there is no database, or a Redis that would forget jobs
 */
async function prepare(config: Config, surroundings: Surroundings, log: Logger, signal: AbortSignal): Promise<void> {
  const applied = await migrate(surroundings.databaseUrl, MIGRATIONS, signal);
  if (applied.length > 0) log.info({ applied }, 'migrated the database');
  const unchecked = config.ROLE === 'api' ? null : await checkEvictionPolicy(surroundings.redisUrl);
  if (unchecked !== null) log.warn({ err: unchecked }, `${outageOf(unchecked)}: its eviction policy was not checked`);
  if (surroundings.authSecret === null && config.AUTH_AUDIENCE === undefined) {
    log.warn('AUTH_AUDIENCE is not set: a token that the issuer made for any other application is accepted, too');
  }
  if (surroundings.webhookKeys === null) log.warn('WEBHOOK_ENCRYPTION_KEY is not set: there are no webhooks');
}

/** Finishes what is under way, as far as the time and the patience of those who wait for it allow; false if it did not. */
async function drain(server: Server, { asked, hurried }: Shutdown, log: Logger): Promise<boolean> {
  const { signal, cause } = asked.reason as StopAsked; // `listenForShutdown` aborts with no other reason
  if (signal === null) log.fatal({ err: cause }, 'stopping after an unhandled error');
  log.info({ signal }, 'stopping');
  const isOver = within(SHUTDOWN_MS, `the service did not stop within ${SHUTDOWN_MS} ms`, server.stop());
  const isHurried = whenAborted(hurried).then(() => {
    throw new Error('the service was told again to stop');
  });
  try {
    await Promise.race([isOver, isHurried]);
    return signal !== null;
  } catch (error) {
    log.error({ err: error }, 'stopping without finishing what is under way');
    return false;
  }
}

/** Serves until it is told to stop; false if that was no orderly stop. */
async function serveUntilStopped(
  environment: Readonly<Record<string, string | undefined>>,
  shutdown: Shutdown,
  strayOutput: StrayOutput | null,
): Promise<boolean> {
  const config = readServiceConfig(environment);
  const log = createLog(config.LOG_LEVEL, { role: config.ROLE, version: VERSION });
  strayOutput?.giveTo(createRepeatingLog(log));
  for (const one of resemblingShortNames(environment)) log.warn(describeResemblance(one));
  const say = sayTo(config, log);
  const tracing = await startTracing(process.env, config.ROLE, log);
  const surroundings = await findSurroundings(config, say, shutdown.asked);
  try {
    await prepare(config, surroundings, log, shutdown.asked);
    // Not before: most of what a start takes is reading this, and where there is no database it would be for nothing.
    const { serve } = await import('./serve.ts');
    shutdown.asked.throwIfAborted();
    const server = await serve(config, surroundings, log, say);
    await whenAborted(shutdown.asked);
    const isOrderly = await drain(server, shutdown, log);
    if (tracing !== null && isOrderly) await stopWithin(SPANS_LEAVE_MS, 'the traces', tracing.stop(), log);
    log.info('stopped');
    return isOrderly;
  } finally {
    // Whatever happened before, also in a hurry: embedded servers never stay behind.
    await surroundings.stop();
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof LeftBehindError) return error.message;
  return `The service could not start: ${withAdvice(error)}`;
}

/** Says on stderr why a start failed: on a line for people, or in production as a line of the log. */
function report(problem: string, strayOutput: StrayOutput | null): void {
  if (strayOutput === null) return void process.stderr.write(`${problem}\n`);
  const log = createLastWords({ version: VERSION });
  strayOutput.giveTo(createRepeatingLog(log));
  log.fatal(problem);
}

/**
 * Runs the service from start to end. What stands in the way of a start is one line on stderr.
 * @param strayOutput what was caught of Node and libraries, in production; null elsewhere
 * @returns the exit status: 0 after an orderly stop, also of a start that a signal called off; 1 after anything else
 */
export async function run(
  environment: Readonly<Record<string, string | undefined>>,
  shutdown: Shutdown,
  strayOutput: StrayOutput | null,
): Promise<number> {
  surviveLostOutput();
  try {
    return (await serveUntilStopped(environment, shutdown, strayOutput)) ? 0 : 1;
  } catch (error) {
    // A signal that ended a program of the start was meant for the start, too.
    const reason: unknown = shutdown.asked.reason ?? error;
    // Then it is a consequence of the stop, such as a connection that was closed, and no fault.
    const isFault = error instanceof LeftBehindError;
    if (!isFault && reason instanceof StopAsked && reason.signal !== null) return shutdown.hurried.aborted ? 1 : 0;
    report(explain(reason instanceof StopAsked && !isFault ? reason.cause : error), strayOutput);
    return 1;
  }
}
