import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, tokenKeysOf } from '../platform/config.ts';
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
 * Reads a kept secret; undefined where there is none yet.
 * @throws Error that names the file and says what to do, where the file is damaged
 */
async function readKept(dataDir: string, { name, pattern, advice }: Kept): Promise<string | undefined> {
  const file = join(dataDir, name);
  const text = (await readIfPresent(file))?.trim();
  if (text === undefined || pattern.test(text)) return text;
  throw new Error(`${file} is damaged (${text.length} characters): ${advice}`);
}

/**
 * Reads a kept secret, and makes it first where there is none. Of two processes at once the first one's counts for both.
 * @throws Error that names the file and says what to do, where the file is damaged
 */
async function keep(dataDir: string, kept: Kept): Promise<string> {
  const known = await readKept(dataDir, kept);
  if (known !== undefined) return known;
  await mkdir(dataDir, { recursive: true });
  await createFile(join(dataDir, kept.name), kept.make());
  const made = await readKept(dataDir, kept);
  if (made === undefined) throw new Error(`${join(dataDir, kept.name)} was deleted while it was made`);
  return made;
}

/** The secret of this checkout's tokens: made once, and kept beside the data. */
export const developmentSecret = (dataDir: string): Promise<string> => keep(dataDir, AUTH_SECRET);

/** The key with which this checkout encrypts webhooks' secrets: made once, and kept beside the data. */
export async function developmentWebhookKey(dataDir: string): Promise<Buffer> {
  return Buffer.from(await keep(dataDir, WEBHOOK_KEY), 'base64');
}

/** Whether a service with this configuration checks tokens by the secret of its checkout. */
const usesDevelopmentSecret = (config: Config): boolean => tokenKeysOf(config).kind === 'development';

/** Whether it encrypts by the key of its checkout. In production there is none: a made one would be lost with the container. */
export const usesDevelopmentWebhookKey = ({ NODE_ENV, WEBHOOK_ENCRYPTION_KEY }: Config): boolean =>
  WEBHOOK_ENCRYPTION_KEY === undefined && NODE_ENV !== 'production';

/**
 * Checks the secrets that a service with this configuration would read from files, and makes none.
 * @throws Error that names the first damaged file and says what to do
 */
export async function checkKeptSecrets(dataDir: string, config: Config): Promise<void> {
  if (usesDevelopmentSecret(config)) await readKept(dataDir, AUTH_SECRET);
  if (usesDevelopmentWebhookKey(config)) await readKept(dataDir, WEBHOOK_KEY);
}
