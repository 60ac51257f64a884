import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';

const DEVELOPMENT_SECRET = join(import.meta.dirname, '../.data/auth-secret');

async function secret(): Promise<string> {
  return process.env['AUTH_SECRET'] || (await readFile(DEVELOPMENT_SECRET, 'utf8')).trim();
}

/**
 * Stands for your identity provider: signs a token with `AUTH_SECRET`, or with the development secret of this checkout.
 * @param scope space-separated, for a program; none for a user
 * @throws where there is no secret: `npm start` makes the one of the checkout
 */
export async function tokenOf(sub: string, scope?: string): Promise<string> {
  return await new SignJWT(scope === undefined ? {} : { scope })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(await secret()));
}
