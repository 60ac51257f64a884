import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';

/** Where everything is kept that a service without configuration makes for itself. */
export const DATA_DIR = join(import.meta.dirname, '../../.data');

const SECRET_FILE = 'auth-secret';
const TOKEN_LIFETIME = '12h';

/** The secret of this checkout's tokens: made once, and kept beside the data. */
export async function developmentSecret(dataDir: string): Promise<string> {
  const file = join(dataDir, SECRET_FILE);
  await mkdir(dataDir, { recursive: true });
  try {
    // Two processes may come here at once: the first one's secret counts for both.
    await writeFile(file, randomBytes(48).toString('base64url'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return (await readFile(file, 'utf8')).trim();
}

export interface TokenClaims {
  readonly sub: string;
  /** Space-separated; absent for a user. */
  readonly scope?: string | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

/** Mints an HS256 token that is good for twelve hours. */
export async function mintToken(secret: string, { sub, scope, issuer, audience }: TokenClaims): Promise<string> {
  const token = new SignJWT(scope === undefined ? {} : { scope })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime(TOKEN_LIFETIME);
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return await token.sign(new TextEncoder().encode(secret));
}
