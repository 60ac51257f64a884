import { type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { type Caller, SCOPES, type Scope } from '../operations/caller.ts';
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
const USER_ID = /^[A-Za-z0-9._:-]{1,128}$/;

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

/** Makes the check of bearer tokens: signature by explicit algorithms, `exp`, `nbf`, and issuer and audience if configured. */
export function createAuthenticator(options: AuthOptions): Authenticate {
  const verify = verifier(options);
  const claims: JWTVerifyOptions = {
    requiredClaims: ['sub', 'exp'],
    ...(options.issuer !== null && { issuer: options.issuer }),
    ...(options.audience !== null && { audience: options.audience }),
  };
  return async (authorization) => {
    const token = BEARER.exec(authorization ?? '')?.[1];
    if (token === undefined) return null;
    try {
      return callerOf(await verify(token, claims));
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      return null; // whatever is wrong with a token, the answer is the same
    }
  };
}
