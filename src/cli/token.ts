import { parseArgs } from 'node:util';
import { ConfigError, readConfig } from '../platform/config.ts';
import { DATA_DIR, developmentSecret, mintToken } from '../platform/development.ts';

const USAGE = 'usage: npm run token -- --sub user-7 [--scope "orders:write disputes:read"]';

async function main(): Promise<string> {
  const { values } = parseArgs({ options: { sub: { type: 'string' }, scope: { type: 'string' } } });
  if (values.sub === undefined) throw new ConfigError(USAGE);
  const config = readConfig(process.env);
  if (config.AUTH_JWKS_URL !== undefined) throw new ConfigError('AUTH_JWKS_URL is set: its issuer makes the tokens');
  const secret = config.AUTH_SECRET ?? (await developmentSecret(DATA_DIR));
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience } = config;
  return await mintToken(secret, { sub: values.sub, scope: values.scope, issuer, audience });
}

try {
  process.stdout.write(`${await main()}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
