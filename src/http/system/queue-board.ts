import { createBullBoard } from '@bull-board/api';
import type { BaseAdapter } from '@bull-board/api/baseAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { createOperatorGate, type GateDeps } from '../auth/operator-gate.ts';
import type { HttpDeps } from '../endpoint/endpoint.ts';
import { ProblemError, problemError } from '../problems/problems.ts';
import { sendProblem } from '../problems/send-problem.ts';
import { BOARD_PATH } from '../server/route-sets.ts';

/** The queues that operators look at. */
export interface QueueBoard {
  readonly queue: BaseAdapter;
  /** Whether operators may also act on them. */
  readonly isWritable: boolean;
  /** Rejects within about a second if Redis does not answer. */
  readonly ready: () => Promise<unknown>;
}

/** The most that a page of the board may ask for. */
const MOST = { jobsPerPage: 100, page: 100_000 } as const;

/**
 * What the page needs and nothing more: its own parts, which style what they show. It names a font of another host, which
 * stays where it is.
 */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * The actions for operators, where the queues are writable: on how jobs are worked off, and on single jobs or those of a state.
 * Every other one puts texts into jobs, stops the workers by a limit, or deletes the queue in one command that blocks Redis.
 */
const ACTIONS =
  /\/api\/queues\/(pause|resume|:queueName\/(pause|resume|promote|retry\/:queueStatus|clean\/:queueStatus|:jobId\/(retry|clean|promote)))$/;

const READS = ['GET', 'HEAD'];

/**
 * Whether a request was made by a page of another site: a browser sends the operator's password with that, too. Programs
 * send neither header.
 */
function isCrossOrigin({ headers, host }: FastifyRequest): boolean {
  const { origin, 'sec-fetch-site': site } = headers;
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && !(URL.canParse(origin) && new URL(origin).host === host);
}

function checkAction(request: FastifyRequest, isWritable: boolean): void {
  const { method, routeOptions } = request;
  if (READS.includes(method)) return;
  if (isCrossOrigin(request)) throw problemError('forbidden', 'The queues are acted on from their own page alone.');
  if (isWritable && ACTIONS.test(routeOptions.url ?? '')) return;
  const detail = isWritable
    ? 'Jobs are neither made nor changed by hand here, queues are not emptied at once, and their limits stay.'
    : 'The queues can only be looked at here. Set OPS_QUEUES_WRITABLE=true to act on them.';
  throw problemError('method_not_allowed', detail, { headers: { allow: READS.join(', ') } });
}

/** The page asks for as many jobs as it is told to, and Redis would hand out a million at once. */
function limitPage({ query }: FastifyRequest): void {
  const asked = query as Record<string, unknown>;
  for (const [name, most] of Object.entries(MOST)) {
    if (Number(asked[name]) > most) asked[name] = String(most);
  }
}

const isOfTheQueue = ({ routeOptions }: FastifyRequest): boolean =>
  routeOptions.url?.startsWith(`${BOARD_PATH}/api/`) ?? false;

const REDIS_IS_AWAY = {
  detail: 'Redis does not answer. Deadlines take effect without it, and the queue is made again when it is back.',
  headers: { 'retry-after': '5' },
};

async function askRedis({ ready }: QueueBoard, request: FastifyRequest): Promise<void> {
  if (!isOfTheQueue(request)) return;
  try {
    await ready();
  } catch {
    throw problemError('unavailable', REDIS_IS_AWAY.detail, { headers: REDIS_IS_AWAY.headers });
  }
}

/** The board speaks to Redis and to nothing else: what fails there is that. */
function failed(error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const { statusCode = 500 } = error as { statusCode?: number };
  if (error instanceof ProblemError || statusCode < 500) return sendProblem(error, request, reply);
  request.log.warn({ err: error }, 'the queue could not be looked at');
  return sendProblem(
    problemError('unavailable', REDIS_IS_AWAY.detail, { headers: REDIS_IS_AWAY.headers }),
    request,
    reply,
  );
}

/** Serves Bull Board, for operators; everything below its address goes through their gate. */
export async function registerQueueBoard(
  app: FastifyInstance,
  board: QueueBoard,
  { audit, ...gateDeps }: GateDeps & Pick<HttpDeps, 'audit'>,
): Promise<void> {
  const gate = createOperatorGate(gateDeps);
  const server = new FastifyAdapter();
  server.setBasePath(BOARD_PATH);
  createBullBoard({
    queues: [board.queue],
    serverAdapter: server,
    options: { uiConfig: { boardTitle: 'Resolution Center', hideDocsLink: true, showWorkers: false } },
  });
  const plugin: FastifyPluginAsync = async (scope) => {
    scope.addHook('onClose', gate.close);
    scope.addHook('onRoute', (route) => {
      route.errorHandler = failed;
    });
    scope.addHook('onRequest', async (request, reply) => {
      void reply.header('content-security-policy', PAGE_POLICY);
      const operator = await gate.check(request, reply);
      checkAction(request, board.isWritable);
      if (READS.includes(request.method)) return;
      audit(
        { operator, method: request.method, url: request.url.split('?')[0] ?? '' },
        'an operator acted on the queue',
      );
    });
    scope.addHook('preHandler', async (request, reply) => {
      if (isOfTheQueue(request)) void reply.header('cache-control', 'no-store');
      limitPage(request);
      await askRedis(board, request);
    });
    await scope.register(server.registerPlugin(), { prefix: BOARD_PATH });
  };
  await app.register(plugin);
}
