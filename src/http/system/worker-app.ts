import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { registerSystem, type SystemDeps } from './system.ts';

/** Builds what a worker process serves: whether it is alive and ready, and its metrics where they are served here. */
export function buildWorkerApp(system: SystemDeps, log: FastifyBaseLogger, servesMetrics: boolean): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
  });
  registerSystem(app, system, servesMetrics);
  return app;
}
