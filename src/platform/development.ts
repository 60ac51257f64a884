import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import type { Config } from './config.ts';
import { ROOT } from './root.ts';

/** Where everything is kept that a service without configuration makes for itself. */
export const DATA_DIR = join(ROOT, '.data');

const SECRET_FILE = 'auth-secret';
const WEBHOOK_KEY_FILE = 'webhook-key';
const WEBHOOK_KEY_BYTES = 32;
const TOKEN_LIFETIME = '12h';

/** Reads a file of the data directory that only its owner may read; it is made with `content` if it is not there. */
async function keptSecret(dataDir: string, name: string, content: string): Promise<string> {
  const file = join(dataDir, name);
  await mkdir(dataDir, { recursive: true });
  try {
    // Two processes may come here at once: the first one's secret counts for both.
    await writeFile(file, content, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return (await readFile(file, 'utf8')).trim();
}

/** The secret of this checkout's tokens: made once, and kept beside the data. */
export function developmentSecret(dataDir: string): Promise<string> {
  return keptSecret(dataDir, SECRET_FILE, randomBytes(48).toString('base64url'));
}

/** The key with which this checkout encrypts webhooks' secrets: made once, and kept beside the data. */
export async function developmentWebhookKey(dataDir: string): Promise<Buffer> {
  const key = randomBytes(WEBHOOK_KEY_BYTES).toString('base64');
  return Buffer.from(await keptSecret(dataDir, WEBHOOK_KEY_FILE, key), 'base64');
}

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
