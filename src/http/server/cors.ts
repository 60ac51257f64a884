import cors from '@fastify/cors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** What a page of an allowed origin may read of an answer, beside the headers that every page may read. */
const EXPOSED_HEADERS = [
  'Allow',
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
] as const;

/** How long a browser may keep the answer to a preflight, in seconds: Chromium's upper limit. */
const PREFLIGHT_MAX_AGE_S = 7_200;

/**
 * Lets pages of some origins call everything that this app serves. A preflight allows whichever headers the page asks
 * for: tracing libraries add their own, and no header grants anything here, since browsers send no credentials.
 * @param origins such as `https://shop.example`; without any, no CORS header is sent and a preflight is a 405
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders: [...EXPOSED_HEADERS],
    maxAge: PREFLIGHT_MAX_AGE_S,
    strictPreflight: false,
  });
}

/** Adds the CORS headers to an answer that Fastify sends without running hooks: one to an address that it cannot read. */
export function exposeToOrigins(request: FastifyRequest, reply: FastifyReply, origins: readonly string[]): void {
  const { origin } = request.headers;
  if (origins.length === 0) return;
  void reply.header('vary', 'Origin');
  if (origin === undefined || !origins.includes(origin)) return;
  void reply.headers({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': EXPOSED_HEADERS.join(', '),
  });
}
