import type { Logger } from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { createCore } from './application/command-queue.ts';
import { createLiveFeed } from './application/feed/live-feed.ts';
import { forgetDeadWorkers, readWorkers } from './application/heartbeats/heartbeats.ts';
import { watchWorkers } from './application/heartbeats/watch.ts';
import { forgetExpiredKeys } from './application/idempotent.ts';
import { createAdvancer } from './application/test-clocks/advance.ts';
import { removeOldTestClocks, removeTestClock } from './application/test-clocks/remove.ts';
import type { CoreDeps } from './application/write.ts';
import { sampleTokensOf } from './dev/sample-tokens.ts';
import { api, liveApi } from './endpoints.ts';
import { eraseDueComments } from './erasures/erasures.ts';
import { type AuthOptions, createAuthenticator } from './http/auth/authenticate.ts';
import { WrongIssuer } from './http/auth/discovery.ts';
import { presentWebhook } from './http/present/events.ts';
import { logFailures } from './http/problems/send-problem.ts';
import type { AppDeps } from './http/server/app.ts';
import { createEventStreams } from './http/streams/event-streams.ts';
import { addGauges } from './metrics/gauges.ts';
import { createMetrics, type Metrics, observeBatch, observeEntries } from './metrics/metrics.ts';
import { type Config, modeOf, tokenKeysOf } from './platform/config.ts';
import { createEncryption } from './platform/encryption.ts';
import { createRepeatingLog, INSTANCE } from './platform/log.ts';
import { createBounded } from './platform/logging/bounded.ts';
import { openOutgoing } from './platform/network/outgoing.ts';
import { type Database, openDatabase } from './platform/postgres/database.ts';
import { watchPostgres } from './platform/postgres/postgres-health.ts';
import { openAskingClient } from './platform/redis/redis.ts';
import { createRedisHealth } from './platform/redis/redis-health.ts';
import { openSharedCounts } from './platform/redis/shared-counts.ts';
import { VERSION } from './platform/version.ts';
import { startRollup } from './statistics/rollup.ts';
import { keepDeliveries } from './webhooks/housekeeping.ts';
import { startWebhookSender } from './webhooks/sender.ts';
import { eraseResponses } from './webhooks/store/attempts.ts';
import { countMessages, forgetMessages } from './webhooks/store/events.ts';
import type { HousekeepingTask } from './workers/housekeeping.ts';
import { inspectQueue } from './workers/inspector.ts';
import { countJobs, openQueue, type QueueAddress } from './workers/queue.ts';
import { openQueueBoard } from './workers/queue-board.ts';
import { startWorkers, type Workers } from './workers/workers.ts';

/** Where the servers are, and with which secret tokens are checked: given, or found out by the start. */
export interface Surroundings {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly authSecret: string | null;
  /** The keys with which webhooks' secrets are encrypted; null turns webhooks off. */
  readonly webhookKeys: readonly [Buffer, ...Buffer[]] | null;
}

/** The parts of one process, made and connected to each other, none of them started. */
export interface Deps {
  readonly write: CoreDeps;
  readonly app: AppDeps;
  /** Fetches the keys of the tokens' issuer in the background, so that a wrong configuration is in the log at once. */
  readonly prefetchKeys: () => void;
  readonly startWorkers: () => Workers;
  readonly close: () => Promise<void>;
}

function loginOf({ OPS_USER: user, OPS_PASSWORD: password }: Config) {
  return user === undefined || password === undefined ? null : { user, password };
}

function keysOf(config: Config, authSecret: string | null): AuthOptions['keys'] {
  const keys = tokenKeysOf(config);
  if (keys.kind === 'jwks') return { jwksUrl: keys.url };
  if (authSecret !== null) {
    const { AUTH_SECRET_PREVIOUS: previous } = config;
    return { secrets: previous === undefined ? [authSecret] : [authSecret, previous] };
  }
  if (keys.kind === 'discovery') return { issuer: keys.issuer };
  throw new Error('nothing is configured to check tokens with');
}

function tokenRulesOf(config: Config): AuthOptions['rules'] {
  return {
    issuer: config.AUTH_ISSUER ?? null,
    audiences: config.AUTH_AUDIENCE ?? [],
    userClaim: config.AUTH_USER_CLAIM,
    scopeClaims: config.AUTH_SCOPE_CLAIM,
    scopePrefix: config.AUTH_SCOPE_PREFIX ?? '',
  };
}

const SAME_FAILURE_MS = 30_000;

/** Says whether the issuer's keys are there. An issuer that is configured wrongly is an error, one that is down a warning. */
function keysReport(log: Logger, { issuerKeysUp }: Metrics): Pick<AuthOptions, 'onKeysFetched' | 'onKeysUnavailable'> {
  const bounded = createBounded(SAME_FAILURE_MS);
  return {
    onKeysFetched: () => issuerKeysUp.set(1),
    onKeysUnavailable: (error) => {
      issuerKeysUp.set(0);
      if (bounded(String(error)) === null) return;
      if (error instanceof WrongIssuer) log.error(`tokens cannot be checked: ${error.message}`);
      else log.warn({ err: error }, "the issuer's keys could not be fetched");
    },
  };
}

/** The housekeeping of the core and of each slice. */
function tasksOf(config: Config, db: Database, metrics: Metrics, log: Logger): HousekeepingTask[] {
  return [
    ...(modeOf(config) === 'live' ? [] : [() => removeOldTestClocks({ db, forgetEvents: forgetMessages })]),
    () => forgetExpiredKeys(db),
    () => keepDeliveries(db, metrics),
    () => eraseDueComments({ db, eraseCopies: eraseResponses, log }, config.COMMENT_RETENTION ?? null),
    () => forgetDeadWorkers(db),
  ];
}

/** Makes everything that a process consists of: the one place that knows all of it. */
export function makeDeps(
  config: Config,
  surroundings: Surroundings & {
    /** The prefix of the keys in Redis. */
    readonly queuePrefix: string;
  },
  log: Logger,
): Deps {
  const metrics = createMetrics(config.ROLE);
  const isLive = modeOf(config) === 'live';
  const warn = createRepeatingLog(log);
  const db = openDatabase({
    url: surroundings.databaseUrl,
    poolSize: config.DATABASE_POOL_SIZE,
    applicationName: `resolution-center ${config.ROLE}`,
    onError: (error) => warn(error, {}, 'a database connection failed'),
  });
  const redis = openAskingClient(surroundings.redisUrl, { reconnectOnError: null }); // the health check does that
  const write = createCore(
    { db, newId: uuidv7, onCommitted: (entries, trigger) => observeEntries(metrics, entries, trigger) },
    { onBatch: (queuedSeconds) => observeBatch(metrics, queuedSeconds) },
  );
  const address: QueueAddress = { redisUrl: surroundings.redisUrl, prefix: surroundings.queuePrefix };
  const queue = openQueue(address, (error) => log.debug({ err: error }, 'the queue lost Redis'));
  const isLimited = config.RATE_LIMIT_PER_MINUTE > 0 && config.ROLE !== 'worker';
  const sharedCounts = isLimited
    ? openSharedCounts(surroundings.redisUrl, address.prefix, (error) => log.debug({ err: error }, 'redis is away'))
    : null;
  const encryption = surroundings.webhookKeys === null ? null : createEncryption(surroundings.webhookKeys);
  const allowInsecure = config.WEBHOOK_ALLOW_INSECURE;
  const outgoing = openOutgoing({ allowInsecure });
  const advancer = createAdvancer(write, (id, way) => countMessages(db, id, way), log);
  const liveFeed = createLiveFeed(db, (error) => warn(error, {}, 'streams wait for the log to be readable'));
  const inspector = inspectQueue(queue, redis, config.TIMER_HORIZON);
  const health = createRedisHealth(redis, { prefix: address.prefix, metaKey: queue.keys['meta'] ?? '', log });
  const lookAtPostgres = watchPostgres(db.connections, log);
  // A worker that answers is one that lives: only what serves the API has to be told.
  const lookAtWorkers = config.ROLE === 'worker' ? null : watchWorkers(() => readWorkers(db), log);
  const looks = { lookAtPostgres, lookAtRedis: health.look, lookAtWorkers };
  const measured = { db, ...looks, countJobs: () => countJobs(queue) };
  const authenticator = createAuthenticator({
    keys: keysOf(config, surroundings.authSecret),
    rules: tokenRulesOf(config),
    ...keysReport(log, metrics),
  });
  return {
    write,
    prefetchKeys: authenticator.prefetch,
    app: {
      api: isLive ? liveApi : api,
      http: {
        write,
        livemode: isLive,
        testClocks: { advancer, remove: (id) => removeTestClock({ db, forgetEvents: forgetMessages }, id) },
        queue: inspector,
        streams: createEventStreams({ db, liveFeed, metrics }),
        audit: (facts, message) => log.info(facts, message),
        remindersMs: config.REMINDERS,
        webhooks: { encryption, allowInsecure, mayAllowInsecure: config.NODE_ENV !== 'production' },
        eraseCopies: eraseResponses,
        cooldownMs: config.COOLDOWN_AFTER_DECLINE,
        windowsMs: {
          order_update: config.WINDOW_ORDER_UPDATE,
          cancellation: config.WINDOW_CANCELLATION,
          order_change: config.WINDOW_ORDER_CHANGE,
        },
      },
      authenticate: authenticator.authenticate,
      access: {
        ratePerMinute: config.RATE_LIMIT_PER_MINUTE,
        scopePrefix: config.AUTH_SCOPE_PREFIX ?? '',
        sharedCounts,
        corsOrigins: config.CORS_ORIGINS,
        proxyHops: config.PROXY_HOPS,
      },
      system: {
        metrics,
        ...looks,
        measure: addGauges(metrics.registry, measured, config.ROLE !== 'api'),
      },
      operators: { login: loginOf(config) },
      home: {
        isSandbox: modeOf(config) === 'sandbox',
        sampleTokens: sampleTokensOf(config, surroundings.authSecret),
      },
      board: openQueueBoard(queue, config.OPS_QUEUES_WRITABLE, health.check),
      log,
      logFailure: logFailures(log),
    },
    startWorkers: () =>
      startWorkers({
        write,
        metrics,
        log,
        address,
        queue,
        health,
        inspector,
        worker: { id: write.newId(), instance: INSTANCE, version: VERSION },
        housekeeping: tasksOf(config, db, metrics, log),
        startOthers: [
          ...(encryption === null
            ? []
            : [() => startWebhookSender({ write, metrics, log, encryption, outgoing, present: presentWebhook })]),
          () => startRollup({ db, log }),
        ],
      }),
    close: async () => {
      authenticator.close();
      await advancer.stop();
      redis.disconnect();
      sharedCounts?.close();
      await Promise.all([queue.close(), outgoing.close(), db.pool.end()]);
    },
  };
}
