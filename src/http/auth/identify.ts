import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import type { Metrics } from '../../metrics/metrics.ts';
import { createBounded } from '../../platform/logging/bounded.ts';
import type { Authenticate } from './authenticate.ts';
import { AUTH_FAILURES, type AuthFailure, type TokenRefusal } from './token-refusal.ts';
import { unprovenClaims, unprovenHeader } from './unproven.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** What the issuer puts before this service's scopes. */
    scopePrefix: string;
  }
  interface FastifyRequest {
    /** Why the request's token proves nothing; null also without a token. */
    tokenRefusal: TokenRefusal | null;
    /** Why the request proves nothing about its sender; null where it does, and where that could not be checked. */
    authFailure: AuthFailure | null;
  }
}

/** Finds out who sends a request, and notes it on the request: `caller`, or `authFailure` and `tokenRefusal`. */
export type Identify = (request: FastifyRequest) => Promise<void>;

/** A client that keeps sending a bad token writes a line this often, for each reason; its requests say the reason, too. */
const QUIET_MS = 10_000;
const MAX_SHOWN = 200;

/** A claim as the log shows it: cut off, and not at all where it is no text or list. */
function shown(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value : Array.isArray(value) ? JSON.stringify(value) : undefined;
  return text?.slice(0, MAX_SHOWN);
}

/** What a refused token says of itself; nothing of it is proven. */
function saidBy(authorization = '') {
  const token = authorization.replace(/^Bearer +/i, '');
  const { alg, kid, typ, crit, nonce } = unprovenHeader(token);
  const { iss, aud, client_id } = unprovenClaims(token);
  const named = { alg, kid, typ, crit, iss, aud, client_id };
  const texts = Object.fromEntries(Object.entries(named).map(([name, value]) => [name, shown(value)]));
  return { ...texts, ...(nonce !== undefined && { nonce: true }) };
}

/** Writes refusals to the log, a bounded number of lines. */
function createRefusalLog() {
  const bounded = createBounded(QUIET_MS);
  return (log: FastifyBaseLogger, { reason, description, cause }: TokenRefusal, authorization: string | undefined) => {
    const unwritten = bounded(reason);
    if (unwritten === null) return;
    const why = cause === undefined ? {} : { cause: cause instanceof Error ? cause.message : String(cause) };
    const more = unwritten === 0 ? {} : { unwritten };
    log.warn({ reason, token: saidBy(authorization), ...why, ...more }, `a token was refused: ${description}`);
  };
}

/** Makes the identification of requests: counts failures, and logs the tokens that are refused. */
export function createIdentifier(authenticate: Authenticate, metrics: Pick<Metrics, 'authFailures'>): Identify {
  const note = createRefusalLog();
  // A series that begins with its first event hides that event from rate().
  for (const reason of AUTH_FAILURES) metrics.authFailures.inc({ reason }, 0);
  return async (request) => {
    const { authorization } = request.headers;
    const { caller, refusal } = await authenticate(authorization);
    request.caller = caller;
    request.tokenRefusal = refusal;
    if (caller !== null) return;
    request.authFailure = refusal?.reason ?? 'no_token';
    metrics.authFailures.inc({ reason: request.authFailure });
    if (refusal !== null) note(request.log, refusal, authorization);
  };
}
