import type { Scope } from '../../application/caller.ts';
import type { Problem } from '../problems/problems.ts';

/** Why a token is refused, in words for its sender. They are sent in a header: no quotes, no text out of the token. */
const DESCRIPTIONS = {
  malformed: () => 'The token is not a signed JWT.',
  encrypted: () => 'The token is encrypted. Ask the issuer for a signed JWT for the audience of this API.',
  algorithm_not_allowed: (algorithms: string) => `The token must be signed by ${algorithms}.`,
  unknown_crit: () => 'The token has a critical header parameter (crit) that is not known here.',
  unknown_key: () => 'The issuer publishes no key that fits the token.',
  bad_signature: (hint: string) => `The signature of the token is wrong.${hint}`,
  expired: () => 'The token has expired.',
  not_yet_valid: () => 'The token is not valid yet: nbf lies in the future.',
  wrong_issuer: () => 'The token is of another issuer: iss is not AUTH_ISSUER.',
  wrong_audience: () => 'The token is for another audience: aud does not have AUTH_AUDIENCE.',
  wrong_client: () => 'The token has no aud, and its client_id is not in AUTH_AUDIENCE.',
  missing_claim: (claim: string) => `The token has no claim ${claim}.`,
  invalid_claim: (rule: string) => `The token has a claim that cannot be understood: ${rule}.`,
  invalid_user_id: (claim: string) =>
    `The claim ${claim} is not a user id: 1 to 128 printable ASCII characters without white space.`,
} as const;

export type RefusalReason = keyof typeof DESCRIPTIONS;

/** Why a request proves nothing about its sender. */
export type AuthFailure = RefusalReason | 'no_token';

export const AUTH_FAILURES = ['no_token', ...Object.keys(DESCRIPTIONS)] as readonly AuthFailure[];

/** A token that proves nothing. */
export interface TokenRefusal {
  readonly reason: RefusalReason;
  /** One sentence for the sender, safe in a quoted string of a header. */
  readonly description: string;
  /** What went wrong underneath, for the log; it may quote the token. */
  readonly cause?: unknown;
}

/** A refusal by its reason; `about` names the claim, the rule, the algorithms or a hint where the reason has one. */
export function refusal(reason: RefusalReason, about = '', cause?: unknown): TokenRefusal {
  return { reason, description: DESCRIPTIONS[reason](about), ...(cause !== undefined && { cause }) };
}

/** The `WWW-Authenticate` of a 401 (RFC 6750): plain for a request without a token, else with the reason. */
export function challengeFor(refused: TokenRefusal | null): string {
  return refused === null ? 'Bearer' : `Bearer error="invalid_token", error_description="${refused.description}"`;
}

/** The problem of a request that proves nothing about its sender. */
export function unauthenticated(refused: TokenRefusal | null): Problem {
  const detail = refused === null ? 'Send a token: Authorization: Bearer …' : refused.description;
  return { code: 'unauthenticated', detail, headers: { 'www-authenticate': challengeFor(refused) } };
}

/** The `WWW-Authenticate` of a 403; the scopes are written as the issuer has to put them into the token. */
export function scopeChallenge(scopes: readonly Scope[], prefix: string): string {
  return `Bearer error="insufficient_scope", scope="${scopes.map((scope) => `${prefix}${scope}`).join(' ')}"`;
}
