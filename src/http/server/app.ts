import accepts from '@fastify/accepts';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import type { RepeatingLog } from '../../platform/log.ts';
import type { Authenticate } from '../auth/authenticate.ts';
import { createIdentifier, type Identify } from '../auth/identify.ts';
import type { OperatorLogin } from '../auth/operator-gate.ts';
import { createRateLimits, type RateLimits } from '../auth/rate-limit.ts';
import type { SharedCounts } from '../auth/request-counts.ts';
import { unauthenticated } from '../auth/token-refusal.ts';
import type { HttpDeps } from '../endpoint/endpoint.ts';
import { formatFor } from '../endpoint/media-types.ts';
import { registerOperation } from '../endpoint/register.ts';
import { registerDocs } from '../openapi/docs.ts';
import type { ApiDefinition } from '../openapi/document.ts';
import { type NotFound, notFoundOn } from '../problems/not-found.ts';
import { ProblemError } from '../problems/problems.ts';
import { type HomeOptions, registerHome } from '../system/home.ts';
import { type QueueBoard, registerQueueBoard } from '../system/queue-board.ts';
import { registerSystem, type SystemDeps } from '../system/system.ts';
import { registerUiFiles } from '../system/ui-files.ts';
import { registerTexts } from '../texts/served-texts.ts';
import { createBareApp } from './bare-app.ts';
import { acceptJson } from './body.ts';
import { registerCompression } from './compression.ts';
import { protect } from './protection.ts';
import { type RouteSetName, routeSetOf } from './route-sets.ts';
import { traceRequests } from './tracing.ts';

export interface AppDeps {
  readonly api: ApiDefinition;
  readonly http: HttpDeps;
  readonly authenticate: Authenticate;
  readonly system: SystemDeps;
  readonly access: {
    /** Requests of one caller in a minute; 0 for any number. */
    readonly ratePerMinute: number;
    /** What the issuer puts before this service's scopes. */
    readonly scopePrefix: string;
    /** What other processes have counted; null counts in this one alone. */
    readonly sharedCounts: SharedCounts | null;
    /** Whose pages may call the API. */
    readonly corsOrigins: readonly string[];
    /** How many proxies stand in front, each of which adds to X-Forwarded-For. */
    readonly proxyHops: number;
  };
  /** How an operator's browser gets in, and the queues that it then sees. */
  readonly operators: { readonly login: OperatorLogin | null };
  readonly board: QueueBoard;
  /** What `/` serves. */
  readonly home: Omit<HomeOptions, 'hasQueues'>;
  readonly log: FastifyBaseLogger;
  /** Logs requests that failed, on whichever port. */
  readonly logFailure: RepeatingLog;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** The caller's own id of a request, for the log line of the request; nothing where it is none. */
function callerRequestId({ headers }: FastifyRequest): { callerRequestId?: string } {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? { callerRequestId: given } : {};
}

function guard(app: FastifyInstance, identify: Identify, limits: RateLimits, notFound: NotFound): void {
  app.decorateRequest('caller', null);
  app.decorateRequest('tokenRefusal', null);
  app.decorateRequest('authFailure', null);
  app.decorateRequest('format', 'json');
  app.decorateRequest('bodyBytes', 0);
  app.addHook('onRequest', async (request, reply) => {
    // Before the body is read: an unknown address has no schema for it.
    if (request.is404) return notFound(request, reply);
    if (request.routeOptions.config.operationId === undefined) return;
    // The router takes nothing at all for a parameter, and so an address that ends too early for a longer one.
    if (Object.values(request.params as object).includes('')) return reply.callNotFound();
    // Comments must not stay in a cache.
    void reply.header('cache-control', 'no-store');
    await identify(request);
    await limits.check(request, reply);
    if (request.caller === null) throw new ProblemError(unauthenticated(request.tokenRefusal));
    request.format = formatFor(request, request.routeOptions.config.formats);
  });
}

/** Builds what one port answers with, as a Fastify app that does not listen yet. */
export async function buildApp(deps: AppDeps, name: RouteSetName = 'whole'): Promise<FastifyInstance> {
  const { api, http, authenticate, system, access, log } = deps;
  const routeSet = routeSetOf(api.endpoints, name);
  const app = createBareApp({ ...access, log, logFailure: deps.logFailure });
  const notFound = notFoundOn(app, routeSet);
  app.decorate('scopePrefix', access.scopePrefix);
  app.setNotFoundHandler(notFound);
  acceptJson(app);
  await app.register(accepts);
  await registerCompression(app);
  traceRequests(app);
  await protect(app, access.corsOrigins);
  const limits = createRateLimits(app, access.ratePerMinute, access.sharedCounts);
  const identify = createIdentifier(authenticate, system.metrics);
  guard(app, identify, limits, notFound);
  app.addHook('onResponse', async (request, reply) => {
    const { operationId } = request.routeOptions.config;
    const ms = Math.round(reply.elapsedTime);
    system.metrics.requests.observe({ operation: operationId ?? 'other', status: reply.statusCode }, ms / 1_000);
    // One line for each call of the API; its address, and never its query or body.
    if (operationId === undefined) return;
    request.log.info(
      {
        operationId,
        method: request.method,
        url: request.url.split('?')[0],
        status: reply.statusCode,
        ms,
        ...(request.authFailure !== null && { refused: request.authFailure }),
        ...callerRequestId(request),
        ...request.span?.fields,
      },
      'answered',
    );
  });
  const stopping = new AbortController();
  app.addHook('preClose', async () => stopping.abort());
  for (const operation of routeSet.endpoints)
    registerOperation(app, { deps: http, stopping: stopping.signal }, operation);
  registerSystem(app, system, routeSet.metrics);
  if (routeSet.board)
    await registerQueueBoard(app, deps.board, { ...deps.operators, identify, limits, audit: http.audit });
  if (routeSet.docs) await registerDocs(app, api);
  if (routeSet.docs) registerUiFiles(app);
  if (routeSet.docs) registerHome(app, { ...deps.home, hasQueues: routeSet.board && deps.operators.login !== null });
  if (routeSet.docs) registerTexts(app);
  return app;
}
