import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { problemError } from '../problems/problems.ts';
import { sendProblem } from '../problems/send-problem.ts';
import { registerSystem, type SystemDeps } from './system.ts';

/** Builds what a worker process serves: whether it is alive and ready, and its metrics where they are served here. */
export function buildWorkerApp(system: SystemDeps, log: FastifyBaseLogger, servesMetrics: boolean): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: 'idle',
  });
  registerSystem(app, system, servesMetrics);
  const paths = servesMetrics ? '/healthz, /readyz and /metrics' : '/healthz and /readyz';
  const where = servesMetrics ? 'The API is at the address of an api process' : 'All else is at OPS_PORT';
  app.setNotFoundHandler((request, reply) =>
    sendProblem(problemError('not_found', `This port of a worker has only ${paths}. ${where}.`), request, reply),
  );
  return app;
}
