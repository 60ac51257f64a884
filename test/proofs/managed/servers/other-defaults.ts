import { randomBytes } from 'node:crypto';
import { onCleanup } from '../../../harness/cleanup.ts';
import type { TestDatabase } from '../../../harness/database.ts';

/** Settings of a session that a role or a database may have, each another than PostgreSQL's own. */
export const OTHER_DEFAULTS: Readonly<Record<string, string>> = {
  datestyle: `'SQL, DMY'`,
  timezone: `'Asia/Kathmandu'`,
  intervalstyle: 'iso_8601',
  bytea_output: 'escape',
  extra_float_digits: '-3',
  search_path: 'elsewhere',
  default_transaction_isolation: 'serializable',
  client_encoding: 'latin1',
  standard_conforming_strings: 'off',
  synchronous_commit: 'off',
  statement_timeout: '300',
  lock_timeout: '1',
  idle_in_transaction_session_timeout: '1000',
  idle_session_timeout: '1000',
};

const PASSWORD = 'a-password-of-the-tests';

export interface RoleOptions {
  /** Defaults of its sessions. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly connectionLimit?: number;
}

/** Makes a role that may use a database, and gives the URL with it. It is dropped at the end of the test file. */
export async function createRole(
  { url, query }: Pick<TestDatabase, 'url' | 'query'>,
  { settings = {}, connectionLimit = -1 }: RoleOptions = {},
): Promise<string> {
  const name = `service_${randomBytes(6).toString('hex')}`;
  await query(`CREATE ROLE ${name} LOGIN PASSWORD '${PASSWORD}' CONNECTION LIMIT ${connectionLimit}`);
  onCleanup(async () => {
    // Its server may be gone, and the role with it.
    await query(`DROP OWNED BY ${name}`).catch(() => {});
    await query(`DROP ROLE ${name}`).catch(() => {});
  });
  await query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${name}`);
  for (const [setting, value] of Object.entries(settings)) await query(`ALTER ROLE ${name} SET ${setting} = ${value}`);
  const withRole = new URL(url);
  [withRole.username, withRole.password] = [name, PASSWORD];
  return withRole.href;
}

/** Sets what sessions of a database have, whichever role they belong to. */
export async function setDefaults(
  { name, query }: TestDatabase,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [setting, value] of Object.entries(settings)) {
    await query(`ALTER DATABASE ${name} SET ${setting} = ${value}`);
  }
}
