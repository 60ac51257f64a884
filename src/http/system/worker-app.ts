import type { FastifyInstance } from 'fastify';
import { notFoundOn } from '../problems/not-found.ts';
import { createBareApp } from '../server/bare-app.ts';
import { registerSystem, type SystemDeps } from './system.ts';

type WorkerAppOptions = Parameters<typeof createBareApp>[0] & {
  readonly system: SystemDeps;
  readonly servesMetrics: boolean;
};

/** Builds what a worker process serves: whether it is alive and ready, and its metrics where they are served here. */
export function buildWorkerApp({ system, servesMetrics, ...options }: WorkerAppOptions): FastifyInstance {
  const app = createBareApp(options);
  const paths = servesMetrics ? '/healthz, /readyz and /metrics' : '/healthz and /readyz';
  const where = servesMetrics ? 'The API is at the address of an api process' : 'All else is at OPS_PORT';
  const notFound = notFoundOn(app, { nothing: `This port of a worker has only ${paths}. ${where}.` });
  // Before the body is read, which may be of any kind here.
  app.addHook('onRequest', async (request, reply) => (request.is404 ? notFound(request, reply) : undefined));
  app.setNotFoundHandler(notFound);
  registerSystem(app, system, servesMetrics);
  return app;
}
