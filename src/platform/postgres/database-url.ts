import { faultOfParameters } from '../network/url-parameters.ts';

const LIMITS = 'leave it out, since the service sets its own time limits';
const POOL = 'use DATABASE_POOL_SIZE';
const SCHEMA = 'leave it out, since the tables are in the schema public';

const PARAMETERS = {
  known: [
    'sslmode',
    'sslrootcert',
    'sslcert',
    'sslkey',
    'sslnegotiation',
    'uselibpqcompat',
    'ssl',
    'application_name',
    'options',
    'host',
    'port',
    'user',
    'password',
  ],
  instead: {
    channel_binding: 'leave it out, since the driver has none; sslmode=verify-full checks the server',
    client_encoding: 'leave it out, since the driver sets it',
    connect_timeout: LIMITS,
    connection_limit: POOL,
    currentSchema: SCHEMA,
    idle_in_transaction_session_timeout: LIMITS,
    lock_timeout: LIMITS,
    max: POOL,
    pgbouncer: 'leave it out, since the service notices a pooler by itself',
    pool_size: POOL,
    pool_timeout: LIMITS,
    query_timeout: LIMITS,
    schema: SCHEMA,
    search_path: SCHEMA,
    sslaccept: 'use sslmode',
    statement_timeout: LIMITS,
    target_session_attrs: 'name one address that leads to the primary; a standby is refused anyway',
  },
} as const;

const VALUES: Readonly<Record<string, readonly string[]>> = {
  sslmode: ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'],
  sslnegotiation: ['postgres', 'direct'],
  ssl: ['true', '1', '0', 'no-verify'],
  uselibpqcompat: ['true'],
};

/**
 * Finds what a URL says and the driver would not do.
 * @returns one line that follows the name of the variable, or null
 */
export function faultOfDatabaseUrl(text: string): string | null {
  const { searchParams, hash } = new URL(text);
  const fault = faultOfParameters(text, PARAMETERS);
  if (fault !== null) return fault;
  if (hash !== '') return 'must have no #: write it as %23 in a password';
  for (const [name, values] of Object.entries(VALUES)) {
    const value = searchParams.get(name);
    if (value !== null && !values.includes(value)) return `must have ${name} as one of ${values.join(', ')}`;
  }
  return null;
}
