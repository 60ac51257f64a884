import { SignJWT } from 'jose';
import type { Config } from '../platform/config.ts';

const TOKEN_LIFETIME = '12h';

export interface TokenClaims {
  readonly sub: string;
  /** Space-separated; absent for a user. */
  readonly scope?: string | undefined;
}

/** How the tokens have to look that a service with this configuration takes. */
export interface TokenShape {
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly userClaim?: string | undefined;
  readonly scopeClaim?: string | undefined;
  readonly scopePrefix?: string | undefined;
}

/** How the tokens have to look that a service with this configuration takes. */
export function tokenShapeOf(config: Config): TokenShape {
  return {
    issuer: config.AUTH_ISSUER,
    audience: config.AUTH_AUDIENCE?.[0],
    userClaim: config.AUTH_USER_CLAIM,
    scopeClaim: config.AUTH_SCOPE_CLAIM[0],
    scopePrefix: config.AUTH_SCOPE_PREFIX,
  };
}

/** Mints an HS256 token that is good for twelve hours. */
export async function mintToken(
  secret: string,
  { sub, scope }: TokenClaims,
  { issuer, audience, userClaim = 'sub', scopeClaim = 'scope', scopePrefix = '' }: TokenShape = {},
): Promise<string> {
  const scopes = scope?.split(' ').filter((word) => word !== '');
  const prefixed = scopes?.map((word) => `${scopePrefix}${word}`).join(' ');
  const token = new SignJWT({ [userClaim]: sub, ...(prefixed !== undefined && { [scopeClaim]: prefixed }) })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME);
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return await token.sign(new TextEncoder().encode(secret));
}
