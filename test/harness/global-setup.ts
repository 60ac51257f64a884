import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { migrate } from '../../src/platform/migrations.ts';
import { administrate } from './database.ts';
import { announceServers, databaseUrl } from './servers.ts';

const MIGRATIONS = join(import.meta.dirname, '../../migrations');

/** Starts the servers of this run, and makes the database that every test file gets a copy of. */
export default async function setUp(): Promise<void> {
  const template = `template_${randomBytes(4).toString('hex')}`;
  announceServers({
    postgres: 'postgres://postgres@127.0.0.1:54329/postgres',
    redis: 'redis://127.0.0.1:63799',
    template,
  });
  await administrate(`CREATE DATABASE ${template}`);
  await migrate(databaseUrl(template), MIGRATIONS);
}
