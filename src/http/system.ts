import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../operations/metrics.ts';
import type { RedisState } from '../platform/redis-state.ts';
import { VERSION } from '../platform/version.ts';

export interface SystemDeps {
  readonly metrics: Metrics;
  /** Measures anew what is not counted on the way; it takes about a second at most, and never rejects. */
  readonly measure: () => Promise<unknown>;
  /** Resolves if the server answers, rejects or takes too long if it does not. */
  readonly pingPostgres: () => Promise<unknown>;
  /** Says how Redis is, within about a second; it never rejects. */
  readonly lookAtRedis: () => Promise<RedisState>;
}

const PING_TIMEOUT_MS = 2_000;

async function isUp(ping: () => Promise<unknown>): Promise<'up' | 'down'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'down'>((resolve) => {
    timer = setTimeout(resolve, PING_TIMEOUT_MS, 'down');
  });
  try {
    return await Promise.race([ping().then(() => 'up' as const), late]);
  } catch {
    return 'down';
  } finally {
    clearTimeout(timer);
  }
}

async function readiness({ pingPostgres, lookAtRedis }: SystemDeps) {
  const [postgres, state] = await Promise.all([isUp(pingPostgres), lookAtRedis()]);
  // Redis only makes deadlines prompt: without it the sweeper applies them, up to a second late.
  const isWhole = state.redis === 'up' && state.queue !== 'paused';
  const status = postgres === 'down' ? 'unavailable' : isWhole ? 'ready' : 'degraded';
  return { status, postgres, ...state };
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
