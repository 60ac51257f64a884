import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { createDatabase, type TestDatabase } from './database.ts';
import { databaseUrl } from './servers.ts';

const FILE = join(import.meta.dirname, '../../ops/roles.sql');
const PASSWORD = 'a password of the tests';
// Roles belong to the whole server, and two test files may set them up at once.
const LOCK = 'SELECT pg_advisory_lock(4242)';

const ROLES = ['migrate', 'app', 'read', 'operator'] as const;
export type Role = (typeof ROLES)[number];

/** A database of a test's own, with the roles of ops/roles.sql and nothing in it. */
export interface RoleDatabase extends TestDatabase {
  readonly urlOf: (role: Role) => string;
}

/** Makes such a database, as an operator does. */
export async function createRoleDatabase(): Promise<RoleDatabase> {
  const database = await createDatabase();
  // As a new database is.
  await database.query('DROP SCHEMA public CASCADE');
  await database.query('CREATE SCHEMA public');
  const client = new pg.Client({ connectionString: databaseUrl('postgres') });
  await client.connect();
  try {
    await client.query(LOCK);
    await database.query(await readFile(FILE, 'utf8'));
    for (const role of ROLES) await client.query(`ALTER ROLE resolution_center_${role} PASSWORD '${PASSWORD}'`);
  } finally {
    await client.end();
  }
  const urlOf = (role: Role): string => {
    const url = new URL(database.url);
    [url.username, url.password] = [`resolution_center_${role}`, encodeURIComponent(PASSWORD)];
    return url.href;
  };
  return { ...database, urlOf };
}
