import type { FastifyInstance } from 'fastify';
import type { WorkersLook } from '../../application/heartbeats/watch.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { PostgresState } from '../../platform/postgres/postgres-health.ts';
import type { RedisState } from '../../platform/redis/redis-state.ts';
import { VERSION } from '../../platform/version.ts';

export interface SystemDeps {
  readonly metrics: Metrics;
  /** Measures anew what is not counted on the way; it takes about a second at most, and never rejects. */
  readonly measure: () => Promise<unknown>;
  /** Says how PostgreSQL is, within two seconds; it never rejects. */
  readonly lookAtPostgres: () => Promise<PostgresState>;
  /** Says how Redis is, within about a second; it never rejects. */
  readonly lookAtRedis: () => Promise<RedisState>;
  /** Says whether a worker lives, within two seconds; it never rejects. Null in a process that is a worker alone. */
  readonly lookAtWorkers: (() => Promise<WorkersLook>) | null;
}

async function readiness({ lookAtPostgres, lookAtRedis, lookAtWorkers }: SystemDeps) {
  const [postgres, state, workers] = await Promise.all([lookAtPostgres(), lookAtRedis(), lookAtWorkers?.()]);
  // Of a PostgreSQL that is away, what it said a moment ago is not known any more.
  const worker = postgres === 'up' ? workers?.worker : undefined;
  // Redis only makes deadlines prompt: without it the sweeper applies them, up to a second late. Without a worker they take
  // effect when their dispute is read.
  const isWhole = state.redis === 'up' && state.queue !== 'paused' && worker !== 'down';
  const status = postgres !== 'up' ? 'unavailable' : isWhole ? 'ready' : 'degraded';
  return { status, postgres, ...state, ...(worker !== undefined && { worker }) };
}

/** Adds what operators' machines ask: alive, ready, and metrics where they are served. */
export function registerSystem(app: FastifyInstance, deps: SystemDeps, servesMetrics: boolean): void {
  app.get('/healthz', () => ({ status: 'ok', version: VERSION }));
  app.get('/readyz', async (_request, reply) => {
    const body = await readiness(deps);
    return reply.status(body.status === 'unavailable' ? 503 : 200).send(body);
  });
  if (!servesMetrics) return;
  app.get('/metrics', async (_request, reply) => {
    await deps.measure();
    const { registry } = deps.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
