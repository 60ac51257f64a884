import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../platform/root.ts';
import { createFile, readIfPresent } from '../platform/small-files.ts';

/** Where everything is kept that a service without configuration makes for itself. */
export const DATA_DIR = join(ROOT, '.data');

/** A secret that a checkout makes for itself, in a file that only its owner may read. */
interface Kept {
  readonly name: string;
  readonly make: () => string;
  /** What every secret of this kind looks like. A file without it was damaged: most are empty or cut short. */
  readonly pattern: RegExp;
  /** What to do about a damaged file, and what follows. */
  readonly advice: string;
}

const AUTH_SECRET: Kept = {
  name: 'auth-secret',
  make: () => randomBytes(48).toString('base64url'),
  pattern: /^[\w-]{64}$/,
  advice: 'delete the file and start again: a new secret is made, and tokens made with the old one are refused',
};

const WEBHOOK_KEY: Kept = {
  name: 'webhook-key',
  make: () => randomBytes(32).toString('base64'),
  pattern: /^[A-Za-z0-9+/]{43}=$/,
  advice:
    'restore the file, or delete it and start again: a new key is made, and the secrets of existing webhook endpoints have to be rotated',
};

/**
 * Reads a kept secret, and makes it first where there is none. Of two processes at once the first one's counts for both.
 * @throws Error that names the file and says what to do, where the file is damaged
 */
async function keep(dataDir: string, { name, make, pattern, advice }: Kept): Promise<string> {
  const file = join(dataDir, name);
  await mkdir(dataDir, { recursive: true });
  if ((await readIfPresent(file)) === undefined) await createFile(file, make());
  const text = (await readIfPresent(file))?.trim() ?? '';
  if (pattern.test(text)) return text;
  throw new Error(`${file} is damaged (${text.length} characters): ${advice}`);
}

/** The secret of this checkout's tokens: made once, and kept beside the data. */
export const developmentSecret = (dataDir: string): Promise<string> => keep(dataDir, AUTH_SECRET);

/** The key with which this checkout encrypts webhooks' secrets: made once, and kept beside the data. */
export async function developmentWebhookKey(dataDir: string): Promise<Buffer> {
  return Buffer.from(await keep(dataDir, WEBHOOK_KEY), 'base64');
}
