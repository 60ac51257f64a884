import { randomUUID } from 'node:crypto';
import accepts from '@fastify/accepts';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import { isTransient } from '../platform/database.ts';
import type { Authenticate } from './auth.ts';
import { acceptJson, BODY_LIMIT } from './body.ts';
import { registerDocs } from './docs.ts';
import { formatFor } from './media-types.ts';
import type { HttpDeps } from './operation.ts';
import { operations } from './operations.ts';
import {
  PROBLEM_MEDIA_TYPE,
  PROBLEMS,
  type Problem,
  ProblemError,
  problemDocument,
  problemError,
  UNAVAILABLE,
} from './problems.ts';
import { CONNECTION_LIMITS, protect } from './protection.ts';
import { type RateLimits, registerRateLimit } from './rate-limit.ts';
import { registerOperation } from './register.ts';
import type { SharedCounts } from './request-counts.ts';
import { registerSystem, type SystemDeps } from './system.ts';
import { systemPaths } from './system-paths.ts';

export interface AppDeps {
  readonly http: HttpDeps;
  readonly authenticate: Authenticate;
  readonly system: SystemDeps;
  readonly access: {
    /** Requests of one caller in a minute; 0 for any number. */
    readonly ratePerMinute: number;
    /** What other processes have counted; null counts in this one alone. */
    readonly sharedCounts: SharedCounts | null;
    /** Whose pages may call the API. */
    readonly corsOrigins: readonly string[];
    /** How many proxies stand in front, each of which adds to X-Forwarded-For. */
    readonly proxyHops: number;
  };
  readonly log: FastifyBaseLogger;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Errors of Fastify itself, by their code. */
const FRAMEWORK_PROBLEMS: Readonly<Record<string, Problem>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'unsupported_media_type', detail: 'Send the body as application/json.' },
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'payload_too_large', detail: `A body may have ${BODY_LIMIT} bytes.` },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: { code: 'malformed_json', detail: 'Content-Length does not match the body.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'malformed_json', detail: 'The body cannot be read as JSON.' },
  FST_ERR_BAD_URL: { code: 'validation_failed', detail: 'The address is not a valid URL.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'validation_failed', detail: 'A part of the address is too long.' },
};

function problemOf(error: unknown): Problem | null {
  if (error instanceof ProblemError) return error.problem;
  if (isTransient(error)) return UNAVAILABLE;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  const known = code === undefined ? undefined : FRAMEWORK_PROBLEMS[code];
  if (known !== undefined) return known;
  if (statusCode === 400) return { code: 'malformed_json', detail: 'The body cannot be read as JSON.' };
  const isRefusal = statusCode !== undefined && statusCode > 400 && statusCode < 500;
  return isRefusal ? { code: 'validation_failed', detail: 'This request cannot be taken.' } : null;
}

const INTERNAL: Problem = {
  code: 'internal_error',
  detail: 'The request could not be carried out. Tell the operators the requestId.',
};

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const problem = problemOf(error) ?? INTERNAL;
  const { status } = PROBLEMS[problem.code];
  if (status >= 500) request.log.error({ err: error, code: problem.code }, 'request failed');
  return reply
    .status(status)
    .headers({ ...(status === 401 && { 'www-authenticate': 'Bearer' }), ...problem.headers })
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problemDocument(problem, request)));
}

const SYSTEM = Object.keys(systemPaths).map((path) => ({ method: 'GET', path }));

/** Matches the address of each operation, to tell a wrong method from a wrong address. */
const ADDRESSES = [...operations, ...SYSTEM].map(({ method, path }) => ({
  method,
  pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
}));

function notFound(request: FastifyRequest, reply: FastifyReply) {
  const path = request.url.split('?')[0] ?? '';
  const methods = ADDRESSES.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  if (methods.length === 0) {
    return sendProblem(problemError('not_found', 'There is nothing at this address.'), request, reply);
  }
  const allow = methods.includes('GET') ? [...methods, 'HEAD'].join(', ') : methods.join(', ');
  const problem = problemError('method_not_allowed', `Here the method is ${allow}.`, { headers: { allow } });
  return sendProblem(problem, request, reply);
}

function guard(app: FastifyInstance, authenticate: Authenticate, limits: RateLimits): void {
  app.decorateRequest('caller', null);
  app.addHook('onRequest', async (request, reply) => {
    // Before its body is read, which is nobody's here.
    if (request.is404) return notFound(request, reply);
    if (request.routeOptions.config.operationId === undefined) return;
    // The router takes nothing at all for a parameter, and so an address that ends too early for a longer one.
    if (Object.values(request.params as object).includes('')) return reply.callNotFound();
    // What people write to each other is in nobody's cache.
    void reply.header('cache-control', 'no-store');
    request.caller = await authenticate(request.headers.authorization);
    await limits.check(request, reply);
    if (request.caller === null) throw problemError('unauthenticated', 'Send a valid token: Authorization: Bearer …');
    formatFor(request, request.routeOptions.config.formats);
  });
}

/** The first bytes of a connection were no HTTP: the only answer that Fastify leaves to us to write out. */
const NOT_HTTP = [
  'HTTP/1.1 400 Bad Request',
  'Connection: close',
  `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
  '',
  JSON.stringify(
    problemDocument({ code: 'validation_failed', detail: 'This is not a valid HTTP request.' }, { url: '/', id: '-' }),
  ),
].join('\r\n');

/** Builds the API as a Fastify app that does not listen yet. */
export async function buildApp({ http, authenticate, system, access, log }: AppDeps): Promise<FastifyInstance> {
  const app = fastify({
    ...CONNECTION_LIMITS,
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    trustProxy: (_address, hop) => hop < access.proxyHops,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 1_000 },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    clientErrorHandler: (_error, socket) => {
      if (socket.writable) socket.end(NOT_HTTP);
      else socket.destroy();
    },
  });
  // Node would answer 417 by itself to an Expect header that nobody sends on purpose.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler(notFound);
  acceptJson(app);
  await app.register(accepts);
  await protect(app, access.corsOrigins);
  guard(app, authenticate, await registerRateLimit(app, access.ratePerMinute, access.sharedCounts));
  app.addHook('onSend', async (request, reply) => void reply.header('x-request-id', request.id));
  app.addHook('onResponse', async (request, reply) => {
    const { operationId } = request.routeOptions.config;
    const ms = Math.round(reply.elapsedTime);
    system.metrics.requests.observe({ operation: operationId ?? 'other', status: reply.statusCode }, ms / 1_000);
    // One line for each call of the API; its address, and never its query or body.
    if (operationId === undefined) return;
    request.log.info(
      { operationId, method: request.method, url: request.url.split('?')[0], status: reply.statusCode, ms },
      'answered',
    );
  });
  const stopping = new AbortController();
  app.addHook('preClose', async () => stopping.abort());
  for (const operation of operations) registerOperation(app, { deps: http, stopping: stopping.signal }, operation);
  registerSystem(app, system);
  await registerDocs(app);
  return app;
}
