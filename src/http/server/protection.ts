import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { getHeapStatistics } from 'node:v8';
import underPressure from '@fastify/under-pressure';
import type { FastifyHttpOptions, FastifyInstance, FastifyReply, RawServerDefault } from 'fastify';
import helmet from 'helmet';
import { problemError } from '../problems/problems.ts';
import { allowOrigins } from './cors.ts';

// A caller that sends or reads too slowly loses its connection; what comes after the deadlines below is for the others.
export const REQUEST_TIMEOUT_MS = 15_000;
export const HEADERS_TIMEOUT_MS = 10_000;
const CHECK_CONNECTIONS_MS = 5_000;
/** The address counts as one of the headers. */
export const HEADERS_LIMIT_BYTES = 16 * 1024;

/** How much time and room a connection gets. */
export const CONNECTION_LIMITS = {
  requestTimeout: REQUEST_TIMEOUT_MS,
  // Longer than the longest wait for an event.
  connectionTimeout: 60_000,
  keepAliveTimeout: 72_000,
  http: {
    maxHeaderSize: HEADERS_LIMIT_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
  },
} satisfies FastifyHttpOptions<RawServerDefault>;

// Two seconds between two turns of the event loop, on average: clients are about to give up anyway. A busy machine takes
// one now and then, and is not drowning.
const MAX_EVENT_LOOP_DELAY_MS = 2_000;
// Longer than that: an interval without a single turn counts as an infinite delay, and one long turn is none.
const SAMPLE_MS = 5_000;
const MAX_HEAP = 0.9;
const RETRY_AFTER_S = '2';

/** Refuses calls of the API while the process cannot keep up; what operators' machines ask is answered on. */
export async function refuseUnderPressure(
  app: FastifyInstance,
  maxEventLoopDelay = MAX_EVENT_LOOP_DELAY_MS,
  sampleInterval = SAMPLE_MS,
): Promise<void> {
  await app.register(underPressure, {
    maxEventLoopDelay,
    sampleInterval,
    maxHeapUsedBytes: getHeapStatistics().heap_size_limit * MAX_HEAP,
    pressureHandler: async (request) => {
      if (request.routeOptions.config.operationId === undefined) return;
      throw problemError('unavailable', 'There is more to do than can be done at the moment; nothing was changed.', {
        headers: { 'retry-after': RETRY_AFTER_S },
      });
    },
  });
}

/** What helmet adds to an answer that is no page; the pages have a policy of their own. */
function browserHeaders(): Readonly<Record<string, string>> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const contentSecurityPolicy = {
    useDefaults: false,
    directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] },
  };
  helmet({ contentSecurityPolicy })(request, response, (error) => {
    if (error !== undefined) throw error;
  });
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]));
}

// Computed once: helmet in a hook took a twentieth of the time of a read.
const BROWSER_HEADERS = browserHeaders();

/** Adds to an answer the headers that restrict what a browser does with it. */
export function restrictBrowsers(reply: FastifyReply): void {
  void reply.headers(BROWSER_HEADERS);
}

/**
 * Restricts what browsers do with answers, and refuses calls that the process cannot carry.
 * @param corsOrigins whose pages may call the API; none if it is empty
 */
export async function protect(app: FastifyInstance, corsOrigins: readonly string[]): Promise<void> {
  app.addHook('onRequest', (_request, reply, done) => {
    restrictBrowsers(reply);
    done();
  });
  // Before everything that may refuse a request, so that a page can read each refusal.
  await allowOrigins(app, corsOrigins);
  await refuseUnderPressure(app);
}
