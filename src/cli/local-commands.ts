import type { Command } from 'commander';
import { checkKeptSecrets } from '../dev/development-secrets.ts';
import { ConfigError, describeResemblance, readConfig, resemblingShortNames } from '../platform/config.ts';
import { describeConfig, type Setting } from '../platform/config-report.ts';
import { MIGRATIONS, migrate } from '../platform/postgres/migrations.ts';
import { type Claims, mint } from './access.ts';
import { type Io, printable, show, table } from './output.ts';

/** Applies the migrations that the configured database has not seen; says which. */
export async function migrateDatabase(env: Io['env']): Promise<string[]> {
  // What a process that serves needs in production does not concern the schema.
  const { DATABASE_URL: url } = readConfig({ ...env, NODE_ENV: undefined });
  if (url === undefined) throw new ConfigError('DATABASE_URL must name the database to migrate');
  return await migrate(url, MIGRATIONS);
}

/** What the service does without a variable that has no default. */
const INSTEAD: Readonly<Record<string, string>> = {
  DATABASE_URL: 'an embedded PostgreSQL, data under .data/',
  REDIS_URL: 'an embedded Redis',
  AUTH_JWKS_URL: 'tokens are checked by AUTH_SECRET',
  AUTH_SECRET: 'a development secret under .data/',
  WEBHOOK_ENCRYPTION_KEY: 'a key made once under .data/; none in production',
};

function insteadOf({ variable, value }: Setting, settings: readonly Setting[]): string | null {
  if (value !== null) return value;
  const isSet = (name: string) => settings.some((one) => one.variable === name && one.value !== null);
  const isDiscovered = isSet('AUTH_ISSUER') && !isSet('AUTH_SECRET') && !isSet('AUTH_JWKS_URL');
  if (variable === 'AUTH_JWKS_URL' && isDiscovered) return 'where the discovery document of AUTH_ISSUER says';
  const isOfIssuer = isDiscovered || isSet('AUTH_JWKS_URL');
  return variable === 'AUTH_SECRET' && isOfIssuer ? null : (INSTEAD[variable] ?? null);
}

interface JsonOption {
  readonly json?: boolean;
}

/** Adds what works without a service: `token`, `migrate`, `check-config`. */
export function addLocalCommands(program: Command, io: Io): void {
  program
    .command('token')
    .description('mint a token, where the secret is at hand')
    .requiredOption('--sub <id>', 'the user, or the name of the service')
    .option('--scope <scopes>', 'what a service may do, with spaces between; a user has none')
    .action(async (claims: Claims) => void io.stdout.write(`${await mint(io, claims)}\n`));
  program
    .command('migrate')
    .description('bring the schema of DATABASE_URL up to date')
    .option('--json', 'answer as JSON, for programs')
    .action(async ({ json }: JsonOption) => {
      const applied = await migrateDatabase(io.env);
      const text = applied.length === 0 ? 'nothing to migrate\n' : `migrated: ${applied.join(', ')}\n`;
      show(io, json, { applied }, () => text);
    });
  program
    .command('check-config')
    .description('say what is in force and where it comes from, or the first thing that is wrong')
    .option('--json', 'answer as JSON, for programs')
    .action(async ({ json }: JsonOption) => {
      const settings = describeConfig(io.env);
      for (const one of resemblingShortNames(io.env)) io.stderr.write(`note: ${printable(describeResemblance(one))}\n`);
      await checkKeptSecrets(io.dataDir, readConfig(io.env));
      const rows = settings.map((one) => [one.variable, insteadOf(one, settings), one.source]);
      show(io, json, settings, () => table(['VARIABLE', 'IN FORCE', 'FROM'], rows));
    });
}
