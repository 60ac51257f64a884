import { randomUUID } from 'node:crypto';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { RepeatingLog } from '../../platform/log.ts';
import { sendProblem } from '../problems/send-problem.ts';
import { createConnectionErrorHandler } from './connection-errors.ts';
import { exposeToOrigins } from './cors.ts';
import { CONNECTION_LIMITS, restrictBrowsers } from './protection.ts';

interface BareOptions {
  readonly log: FastifyBaseLogger;
  /** Logs requests that failed, on whichever port. */
  readonly logFailure: RepeatingLog;
  /** Whose pages may call the API. */
  readonly corsOrigins: readonly string[];
  /** How many proxies stand in front, each of which adds to X-Forwarded-For. */
  readonly proxyHops: number;
}

/**
 * What every port of every process has in common, without routes: limits of connections, ids of requests, and refusals as
 * problems, also of what is no valid request.
 */
export function createBareApp({ log, logFailure, corsOrigins, proxyHops }: BareOptions): FastifyInstance {
  const app = fastify({
    ...CONNECTION_LIMITS,
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: (_address, hop) => hop < proxyHops,
    forceCloseConnections: 'idle',
    // What still comes on a connection while the app closes is answered by the app, and not by 503 in words of Fastify's own.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_000 },
    // An id of our own: it stands in `cause`, which the other party reads. The caller's id is free text and goes to the log only.
    genReqId: () => randomUUID(),
    // Sent without any hook: what the hooks add is added here.
    frameworkErrors: (error, request, reply) => {
      restrictBrowsers(reply);
      exposeToOrigins(request, reply, corsOrigins);
      void reply.header('x-request-id', request.id);
      void sendProblem(error, request, reply);
    },
    clientErrorHandler: createConnectionErrorHandler(log),
  });
  // Node would answer 417 by itself to an unknown Expect header.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.decorate('logFailure', logFailure);
  app.setErrorHandler(sendProblem);
  app.addHook('onSend', async (request, reply) => void reply.header('x-request-id', request.id));
  return app;
}
