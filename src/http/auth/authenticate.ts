import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Caller } from '../../application/caller.ts';
import { ProblemError } from '../problems/problems.ts';
import { callerOf, type TokenRules } from './claims.ts';
import { createIssuerKeys, type IssuerKeysOptions, type KeySource } from './issuer-keys.ts';
import { refusal, type TokenRefusal } from './token-refusal.ts';
import { unprovenHeader } from './unproven.ts';

export interface AuthOptions {
  /** The secrets of HS256 tokens, any of which may have signed one; or where the issuer's public keys are. */
  readonly keys: { readonly secrets: readonly string[] } | KeySource;
  readonly rules: TokenRules;
  /** Called each time that the issuer's keys were fetched. */
  readonly onKeysFetched: () => void;
  /** Called each time that they could not be fetched. */
  readonly onKeysUnavailable: (error: unknown) => void;
  readonly issuerKeys?: IssuerKeysOptions;
}

/** Who sends a request; no caller and no refusal means that no bearer token was sent. */
export interface Authentication {
  readonly caller: Caller | null;
  readonly refusal: TokenRefusal | null;
}

/** Says who sends a token. Throws the problem `unavailable` while there are no keys to check it with. */
export type Authenticate = (authorization: string | undefined) => Promise<Authentication>;

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** Fetches the issuer's keys in the background. */
  readonly prefetch: () => void;
  readonly close: () => void;
}

const BEARER = /^Bearer +(\S.*)$/i;
const COMPACT_JWE = /^[\w-]+(\.[\w-]*){4}$/;
const PUBLIC_KEY_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const SECRET_ALGORITHMS = ['HS256'];

/** How far the clocks of issuer and service may differ, in seconds. */
const LEEWAY_S = 5;
const CACHED_TOKENS = 5_000;
/** How long a verified token is not verified again, at most. */
const CACHED_MS = 30_000;

type Verify = (token: string, options: JWTVerifyOptions) => Promise<JWTPayload>;

interface Verifier {
  readonly algorithms: readonly string[];
  readonly verify: Verify;
  readonly prefetch: () => void;
  readonly close: () => void;
}

/** Verifies a token by the first secret whose signature it has. */
const verifyBySecrets =
  ([secret = new Uint8Array(), ...others]: readonly Uint8Array[]): Verify =>
  async (token, options) => {
    try {
      return (await jwtVerify(token, secret, options)).payload;
    } catch (error) {
      if (others.length === 0 || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      return await verifyBySecrets(others)(token, options);
    }
  };

function verifierOf({ keys, issuerKeys, ...options }: AuthOptions, onNewKeys: () => void): Verifier {
  if ('secrets' in keys) {
    const verify = verifyBySecrets(keys.secrets.map((secret) => new TextEncoder().encode(secret)));
    return { algorithms: SECRET_ALGORITHMS, verify, prefetch: () => {}, close: () => {} };
  }
  const events = { onFetched: options.onKeysFetched, onFailure: options.onKeysUnavailable, onNewKeys };
  const published = createIssuerKeys(keys, events, issuerKeys);
  const verify: Verify = async (token, options) => (await jwtVerify(token, published.find, options)).payload;
  return { algorithms: PUBLIC_KEY_ALGORITHMS, verify, prefetch: published.prefetch, close: published.close };
}

function claimFault({ claim, reason, message }: errors.JWTClaimValidationFailed): TokenRefusal {
  if (reason === 'missing') return refusal('missing_claim', claim);
  if (reason === 'check_failed' && claim === 'iss') return refusal('wrong_issuer');
  if (reason === 'check_failed' && claim === 'nbf') return refusal('not_yet_valid');
  return refusal('invalid_claim', `${claim} must be a number of seconds`, message);
}

/** Entra signs a token for Graph with a hash in the place of this nonce, so that only Graph can verify it. */
const FOR_GRAPH =
  ' Tokens of Microsoft Entra for Microsoft Graph, with a nonce in the header, cannot be verified: ask for one for this API.';

/** What jose found wrong with a token. Anything unexpected is the token's fault, too, and stands in the log. */
function refusalOf(error: unknown, token: string, algorithms: readonly string[]): TokenRefusal {
  if (error instanceof errors.JWTExpired) return refusal('expired');
  if (error instanceof errors.JWTClaimValidationFailed) return claimFault(error);
  const { nonce, crit } = unprovenHeader(token);
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return refusal('bad_signature', nonce === undefined ? '' : FOR_GRAPH);
  if (error instanceof errors.JOSEAlgNotAllowed) return refusal('algorithm_not_allowed', algorithms.join(', '));
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return refusal('unknown_key', '', error.message);
  if (error instanceof errors.JOSENotSupported && crit !== undefined) return refusal('unknown_crit', '', error);
  if (COMPACT_JWE.test(token)) return refusal('encrypted');
  return refusal('malformed', '', error);
}

/** Whom a verified token has shown, and until when it need not be verified again. */
interface Known extends Authentication {
  readonly untilMs: number;
}

/**
 * Makes the check of bearer tokens: signature by named algorithms, `exp` and `nbf` with five seconds of leeway, issuer and
 * audience where configured. Verified tokens are cached for 30 s, never past `exp` and its leeway, and never past a change
 * of the issuer's keys.
 */
export function createAuthenticator(options: AuthOptions): Authenticator {
  const known = new LRUCache<string, Known>({ max: CACHED_TOKENS });
  const { algorithms, verify, prefetch, close } = verifierOf(options, () => known.clear());
  const { rules } = options;
  const checks: JWTVerifyOptions = {
    algorithms: [...algorithms],
    requiredClaims: ['exp'],
    clockTolerance: LEEWAY_S,
    ...(rules.issuer !== null && { issuer: rules.issuer }),
  };
  const authenticate: Authenticate = async (authorization) => {
    const token = BEARER.exec(authorization ?? '')?.[1]?.trimEnd();
    if (token === undefined) return { caller: null, refusal: null };
    const earlier = known.get(token);
    if (earlier !== undefined && Date.now() < earlier.untilMs) return earlier;
    try {
      const payload = await verify(token, checks);
      const found = callerOf(payload, rules);
      const who = 'kind' in found ? { caller: found, refusal: null } : { caller: null, refusal: found };
      const untilMs = Math.min(Date.now() + CACHED_MS, ((payload.exp ?? 0) + LEEWAY_S) * 1_000);
      known.set(token, { ...who, untilMs });
      return who;
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      return { caller: null, refusal: refusalOf(error, token, algorithms) };
    }
  };
  return { authenticate, prefetch, close };
}
