import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { isUserId } from '../application/caller.ts';
import { mintToken, tokenShapeOf } from '../dev/development.ts';
import { developmentSecret } from '../dev/development-secrets.ts';
import { nearest, readConfig, tokenKeysOf } from '../platform/config.ts';
import { type Api, baseUrl, createApi } from './api.ts';
import { refused, wrongUsage } from './failures.ts';
import type { Io } from './output.ts';

const DEFAULT_URL = 'http://127.0.0.1:3000';
const OPERATOR = { sub: 'developer', scope: 'ops disputes:read webhooks:manage test:clocks' };
const TOKEN = /^[\x21-\x7e]*$/;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Options of every command that talks to a service. */
export interface RemoteOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Adds the options that every command has that talks to a service. */
export function remote(command: Command): Command {
  return command
    .option('--url <address>', `where the service is (RESOLUTION_CENTER_URL, else ${DEFAULT_URL})`)
    .option('--token <jwt>', 'who asks (RESOLUTION_CENTER_TOKEN; better not on a command line that others can see)')
    .option('--json', 'answer as JSON, for programs');
}

export interface Claims {
  readonly sub: string;
  readonly scope?: string | undefined;
}

/**
 * Mints a token with the secret that is configured, or with the one of this checkout.
 * @throws where an issuer makes the tokens, or where there is no secret to make them with
 */
export async function mint({ env, dataDir }: Io, { sub, scope }: Claims): Promise<string> {
  const config = readConfig(env);
  const keys = tokenKeysOf(config);
  if (keys.kind === 'jwks') throw refused('AUTH_JWKS_URL is set: its issuer makes the tokens');
  if (keys.kind === 'discovery') throw refused('AUTH_ISSUER is set without AUTH_SECRET: the issuer makes the tokens');
  if (!isUserId(sub)) throw wrongUsage('--sub must be 1 to 128 printable ASCII characters without white space');
  const secret = keys.kind === 'secret' ? keys.secret : await developmentSecret(dataDir);
  return await mintToken(secret, { sub, scope }, tokenShapeOf(config));
}

/** Whether the CLI may mint its own token: in a checkout on a developer's machine, and only for a service there. */
function mayMint({ env, dataDir }: Io, base: URL): boolean {
  if (env['NODE_ENV'] === 'production' || !LOOPBACK.has(base.hostname)) return false;
  const { kind } = tokenKeysOf(env);
  return kind === 'secret' || (kind === 'development' && existsSync(join(dataDir, 'auth-secret')));
}

const NAMES = ['RESOLUTION_CENTER_URL', 'RESOLUTION_CENTER_TOKEN'];
const TYPOS = 2;

/** Refuses a variable that is almost one of this command line: else it would talk to another service than the one that is meant. */
function refuseMisspelt(env: Io['env']): void {
  for (const name of Object.keys(env)) {
    if (NAMES.includes(name) || !env[name]) continue;
    const meant = nearest(name, NAMES, TYPOS);
    if (meant !== undefined) throw wrongUsage(`${name} is not a variable of the command line; ${meant} is`);
  }
}

/** The service that the options name, called with the identity that they name. */
export async function open(io: Io, options: RemoteOptions): Promise<Api> {
  const { env } = io;
  refuseMisspelt(env);
  const base = baseUrl(options.url ?? (env['RESOLUTION_CENTER_URL'] || DEFAULT_URL));
  // As it comes out of a file, with a line break behind it.
  const given = (options.token ?? env['RESOLUTION_CENTER_TOKEN'] ?? '').trim();
  if (!TOKEN.test(given)) throw wrongUsage('the token has characters in it that no token has');
  if (given !== '') return createApi(base, given);
  if (!mayMint(io, base)) throw wrongUsage('a token is needed: RESOLUTION_CENTER_TOKEN, or --token');
  return createApi(base, await mint(io, OPERATOR));
}
