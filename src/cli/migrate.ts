import { join } from 'node:path';
import { ConfigError, readConfig } from '../platform/config.ts';
import { migrate } from '../platform/migrations.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');

try {
  const { DATABASE_URL: url } = readConfig(process.env);
  if (url === undefined) throw new ConfigError('DATABASE_URL must name the database to migrate');
  const applied = await migrate(url, MIGRATIONS);
  process.stdout.write(applied.length === 0 ? 'nothing to migrate\n' : `migrated: ${applied.join(', ')}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
