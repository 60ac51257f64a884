import { type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { type Caller, SCOPES, type Scope, USER_ID } from '../operations/caller.ts';
import { createIssuerKeys } from './issuer-keys.ts';
import { ProblemError } from './problems.ts';

export interface AuthOptions {
  readonly secret: string | null;
  readonly jwksUrl: string | null;
  readonly issuer: string | null;
  readonly audience: string | null;
  /** Told of each time that the issuer's keys could not be fetched. */
  readonly onKeysUnavailable: (error: unknown) => void;
}

/** Says who sends a token, or null if the token proves nothing; raises `unavailable` if there are no keys to check it with. */
export type Authenticate = (authorization: string | undefined) => Promise<Caller | null>;

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;
/** How many tokens are remembered, and for how long at most: as long, a key that its issuer has withdrawn is still believed. */
const REMEMBERED = 5_000;
const REMEMBERED_MS = 30_000;

function isScope(word: string): word is Scope {
  return (SCOPES as readonly string[]).includes(word);
}

/** Scopes of other services, such as a login's `openid profile`, say nothing here. */
function callerOf({ sub, scope }: JWTPayload): Caller | null {
  // jose checks that `sub` is there and not what it is; a list of one would pass for its text.
  if (typeof sub !== 'string' || !USER_ID.test(sub)) return null;
  if (scope !== undefined && typeof scope !== 'string') return null;
  const scopes = (scope ?? '').split(' ').filter(isScope);
  return scopes.length === 0 ? { kind: 'user', id: sub } : { kind: 'service', id: sub, scopes };
}

function verifier({
  secret,
  jwksUrl,
  onKeysUnavailable,
}: AuthOptions): (token: string, options: JWTVerifyOptions) => Promise<JWTPayload> {
  if (jwksUrl !== null) {
    const keys = createIssuerKeys(jwksUrl, onKeysUnavailable);
    const algorithms = ['RS256', 'ES256', 'EdDSA'];
    return async (token, options) => (await jwtVerify(token, keys, { ...options, algorithms })).payload;
  }
  if (secret === null) throw new Error('neither AUTH_SECRET nor AUTH_JWKS_URL is set');
  const key = new TextEncoder().encode(secret);
  return async (token, options) => (await jwtVerify(token, key, { ...options, algorithms: ['HS256'] })).payload;
}

/** Whom a good token has shown, and until when that need not be looked at again. */
interface Known {
  readonly caller: Caller | null;
  readonly untilMs: number;
}

/**
 * Makes the check of bearer tokens: signature by explicit algorithms, `exp`, `nbf`, and issuer and audience if configured.
 * What was good is good for half a minute, and no longer than the token itself.
 */
export function createAuthenticator(options: AuthOptions): Authenticate {
  const verify = verifier(options);
  const known = new LRUCache<string, Known>({ max: REMEMBERED });
  const claims: JWTVerifyOptions = {
    requiredClaims: ['sub', 'exp'],
    ...(options.issuer !== null && { issuer: options.issuer }),
    ...(options.audience !== null && { audience: options.audience }),
  };
  return async (authorization) => {
    const token = BEARER.exec(authorization ?? '')?.[1];
    if (token === undefined) return null;
    const earlier = known.get(token);
    if (earlier !== undefined && Date.now() < earlier.untilMs) return earlier.caller;
    try {
      const payload = await verify(token, claims);
      const caller = callerOf(payload);
      const untilMs = Math.min(Date.now() + REMEMBERED_MS, (payload.exp ?? 0) * 1_000);
      known.set(token, { caller, untilMs });
      return caller;
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      return null; // whatever is wrong with a token, the answer is the same
    }
  };
}
