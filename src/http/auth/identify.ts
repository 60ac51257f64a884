import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Metrics } from '../../metrics/metrics.ts';
import { createBounded } from '../../platform/bounded.ts';
import type { Authenticate } from './authenticate.ts';
import { REFUSAL_REASONS, type TokenRefusal } from './token-refusal.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** What the issuer puts before this service's scopes. */
    scopePrefix: string;
  }
  interface FastifyRequest {
    /** Why the request's token proves nothing; null also without a token. */
    tokenRefusal: TokenRefusal | null;
  }
}

/** Finds out who sends a request, and notes it on the request: `caller`, or `tokenRefusal`. */
export type Identify = (request: FastifyRequest) => Promise<void>;

/** A client that keeps sending a bad token writes a line this often, for each reason; its requests say the reason, too. */
const QUIET_MS = 10_000;
const MAX_SHOWN = 200;

/** A claim as the log shows it: cut off, and not at all where it is no text or list. */
function shown(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value : Array.isArray(value) ? JSON.stringify(value) : undefined;
  return text?.slice(0, MAX_SHOWN);
}

function decoded(read: () => Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    return read();
  } catch {
    return {};
  }
}

/** What a refused token says of itself; nothing of it is proven. */
function saidBy(authorization = '') {
  const token = authorization.replace(/^Bearer +/i, '');
  const { alg, kid } = decoded(() => decodeProtectedHeader(token));
  const { iss, aud } = decoded(() => decodeJwt(token));
  return { alg: shown(alg), kid: shown(kid), iss: shown(iss), aud: shown(aud) };
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

/** Makes the identification of requests: counts and logs the tokens that are refused. */
export function createIdentifier(authenticate: Authenticate, metrics: Pick<Metrics, 'authFailures'>): Identify {
  const note = createRefusalLog();
  // A series that begins with its first event hides that event from rate().
  for (const reason of REFUSAL_REASONS) metrics.authFailures.inc({ reason }, 0);
  return async (request) => {
    const { authorization } = request.headers;
    const { caller, refusal } = await authenticate(authorization);
    request.caller = caller;
    request.tokenRefusal = refusal;
    if (refusal === null) return;
    metrics.authFailures.inc({ reason: refusal.reason });
    note(request.log, refusal, authorization);
  };
}
