import { DrizzleQueryError } from 'drizzle-orm';
import { sqlStateOf } from './database.ts';

/** Where a URL leads: what may be shown, without the password. */
function placeOf(url: string) {
  const { hostname, port, username, pathname, searchParams } = new URL(url);
  const user = decodeURIComponent(username);
  const host = searchParams.get('host') || hostname || 'localhost';
  // The driver's defaults.
  return {
    place: `${host}:${searchParams.get('port') || port || 5432}`,
    user,
    name: decodeURIComponent(pathname.slice(1)) || user,
  };
}
type Place = ReturnType<typeof placeOf>;

/** What to do about an error of the server, by its SQLSTATE. */
const BY_STATE: Readonly<Record<string, (place: Place) => string>> = {
  '28P01': ({ user }) => `check the user (${user}) and the password in DATABASE_URL`,
  '3D000': ({ name }) => `create it (CREATE DATABASE "${name}") or correct DATABASE_URL`,
  '3F000': ({ user }) => `create the schema public, or grant USAGE and CREATE on it to ${user}`,
  '42501': ({ user }) => `grant it to ${user}, or migrate with an account that may: npm run ops -- migrate`,
  '25006': () => 'DATABASE_URL must name the primary',
  '53100': () => "the database server's disk is full: free some space there",
  '53300': () => 'raise max_connections of the server, or lower DATABASE_POOL_SIZE',
  '55P03': () => 'a session has kept a table locked for a minute: end it (pg_stat_activity) and start again',
  '57P03': () => 'start again when it is up',
};

/** What to do about an error of the network, by its code. */
const BY_CODE: Readonly<Record<string, (place: Place) => string>> = {
  ECONNREFUSED: ({ place }) => `no server listens at ${place}: start PostgreSQL there, or correct DATABASE_URL`,
  ENOTFOUND: ({ place }) => `the host of ${place} is not known: correct DATABASE_URL`,
  EAI_AGAIN: ({ place }) => `the host of ${place} cannot be looked up: check the name server, or correct DATABASE_URL`,
  EHOSTUNREACH: ({ place }) => `no route leads to ${place}: check the network, or correct DATABASE_URL`,
  ENETUNREACH: ({ place }) => `no route leads to ${place}: check the network, or correct DATABASE_URL`,
  ECONNRESET: ({ place }) => `${place} has closed the connection: check that PostgreSQL listens there`,
};

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS/;

function adviceOfCertificate(code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'use a name that the certificate has in DATABASE_URL';
  if (code === 'CERT_HAS_EXPIRED') return 'renew it on the server';
  return 'name the file of its CA by NODE_EXTRA_CA_CERTS (sslmode=require checks it, too; sslmode=no-verify does not)';
}

/** What to do about an error that has only a text, or whose code says less than its text. */
const BY_TEXT: readonly (readonly [RegExp, (place: Place) => string])[] = [
  [
    /timeout expired|query read timeout/i,
    ({ place }) =>
      `${place} does not answer within ten seconds: check that PostgreSQL runs there and that no firewall drops packets`,
  ],
  [/no pg_hba\.conf entry.*no encryption/i, () => 'the server requires TLS: add ?sslmode=verify-full to DATABASE_URL'],
  [/no pg_hba\.conf entry/i, () => 'add an entry for this host to pg_hba.conf of the server'],
  [
    /does not support SSL/i,
    ({ place }) =>
      `DATABASE_URL asks for TLS (sslmode), which ${place} does not have: turn ssl on there, or leave sslmode out`,
  ],
  [
    /ENOENT.* open '|EACCES.* open '/,
    () => 'correct the file that DATABASE_URL names (sslrootcert, sslcert or sslkey)',
  ],
  [/password must be a string/i, ({ user }) => `DATABASE_URL has no password for ${user}, and the server requires one`],
  [
    /terminated unexpectedly|error establishing an SSL/i,
    ({ place }) => `${place} has closed the connection: check that PostgreSQL listens there`,
  ],
];

/**
 * The error itself, or the one that it stands for: a host with two addresses fails with a list and no message, and a failed query
 * has its statement and its parameters in its message, which may be what people wrote.
 */
function innermost(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  if (error instanceof DrizzleQueryError && error.cause !== undefined) return innermost(error.cause);
  return error instanceof Error ? error : new Error(String(error));
}

/**
 * Says on one line what an error of the database or of the way to it means, and what to do.
 * @param url where the database was looked for, or null where that is known to be right
 */
export function describeDatabaseProblem(url: string | null, error: unknown): string {
  const inner = innermost(error);
  const message = inner.message.replaceAll(/\s*\n\s*/g, ' | ');
  if (url === null) return message;
  const place = placeOf(url);
  const byText = BY_TEXT.find(([pattern]) => pattern.test(message))?.[1];
  if (byText !== undefined) return `${byText(place)} (${message})`;
  const code = 'code' in inner ? String(inner.code) : '';
  const byCode = BY_CODE[code];
  if (byCode !== undefined) return `${byCode(place)} (${code})`;
  if (CERTIFICATE.test(code)) {
    return `the certificate of ${place.place} is not accepted (${message}): ${adviceOfCertificate(code)}`;
  }
  const byState = BY_STATE[sqlStateOf(error) ?? ''];
  return byState === undefined ? message : `the database at ${place.place} says "${message}": ${byState(place)}`;
}

const DENIED = '42501';

/**
 * Says on one line why a statement has failed on a database that has the schema: as `describeDatabaseProblem`, but rights are those
 * of another role and not to be granted.
 * @param url the address with which the service's roles of ops/roles.sql connect
 */
export function describeStatementProblem(url: string, error: unknown): string {
  if (sqlStateOf(error) !== DENIED) return describeDatabaseProblem(url, error);
  const said = describeDatabaseProblem(null, error);
  return `the role ${placeOf(url).user} may not do this (${said}): use the role of the service in DATABASE_URL, resolution_center_app in ops/roles.sql`;
}

/** What has to be known of a server before the service uses it. */
export interface ServerFacts {
  readonly version: string;
  readonly version_number: number;
  readonly encoding: string;
  readonly is_standby: boolean;
  readonly is_read_only: boolean;
}

/** The query that gives `ServerFacts`. */
export const SERVER_FACTS = `SELECT
  current_setting('server_version') AS version,
  current_setting('server_version_num')::int AS version_number,
  current_setting('server_encoding') AS encoding,
  pg_is_in_recovery() AS is_standby,
  current_setting('transaction_read_only')::bool AS is_read_only`;

const MIN_VERSION_NUMBER = 150_000;

/** Why the service cannot use a database, or null. */
export function problemOfServer(facts: ServerFacts): string | null {
  const { version, version_number, encoding, is_standby, is_read_only } = facts;
  if (version_number < MIN_VERSION_NUMBER) {
    return `the database server is PostgreSQL ${version}: 15 or newer is needed`;
  }
  if (encoding !== 'UTF8') {
    return `the database has the encoding ${encoding}: create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`;
  }
  if (is_standby) return 'the database is read-only, since its server is a standby: DATABASE_URL must name the primary';
  if (is_read_only) {
    return 'the database is read-only: turn default_transaction_read_only off for the server, the database and the role';
  }
  return null;
}
