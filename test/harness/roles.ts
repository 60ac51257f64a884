import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { createDatabase, type TestDatabase } from './database.ts';
import { databaseUrl } from './run/servers.ts';

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

/**
 * Runs ops/roles.sql in an empty database, and gives each role a password.
 * @returns the address of the database for each role
 */
export async function makeRoles({ url, query }: Pick<TestDatabase, 'url' | 'query'>): Promise<RoleDatabase['urlOf']> {
  await query(await readFile(FILE, 'utf8'));
  for (const role of ROLES) await query(`ALTER ROLE resolution_center_${role} PASSWORD '${PASSWORD}'`);
  return (role) => {
    const own = new URL(url);
    [own.username, own.password] = [`resolution_center_${role}`, encodeURIComponent(PASSWORD)];
    return own.href;
  };
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
    return { ...database, urlOf: await makeRoles(database) };
  } finally {
    await client.end();
  }
}
