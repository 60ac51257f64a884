import { Socket } from 'node:net';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { createStatementNames, type StatementNames } from './statements.ts';
import { mark, tracedWithin } from './tracing.ts';

/** A pool of connections, and typed queries on any of them outside a transaction. */
export interface Database {
  readonly pool: pg.Pool;
  readonly query: NodePgDatabase;
  readonly statements: StatementNames;
}

/** One open transaction: whoever is handed it may query it and must not end it. */
export type Tx = NodePgDatabase;

export interface DatabaseOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly applicationName: string;
  /** Called when a connection fails while nobody waits for it. */
  readonly onError: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 2_000;
// The client gives up after the server does: a server-side limit alone hangs on a frozen server.
const CLIENT_QUERY_TIMEOUT_MS = 5_000;
const MAX_CONNECTION_AGE_S = 1_800;

/**
 * What the text of answers and the meaning of statements depend on, and the promise that an answer survives a crash. A role or a
 * database may have other defaults: with `datestyle = 'SQL, DMY'` deadlines moved by months.
 */
const SESSION_DEFAULTS = [
  { name: 'search_path', value: 'public' },
  { name: 'synchronous_commit', value: 'on' },
  { name: 'datestyle', value: `'ISO, MDY'` },
  { name: 'intervalstyle', value: 'postgres' },
  { name: 'timezone', value: `'UTC'` },
  { name: 'bytea_output', value: 'hex' },
  { name: 'extra_float_digits', value: '1' },
  { name: 'standard_conforming_strings', value: 'on' },
] as const;

/** Sets them for one transaction, where statements are sent by other means than `withTx`. */
export const PIN_SESSION = SESSION_DEFAULTS.map(({ name, value }) => `SET LOCAL ${name} = ${value}`).join('; ');

// For statements outside a transaction, which read. Time zones do not matter to them: instants come with their offset.
const IS_USUAL = `SELECT current_setting('search_path') IN ('"$user", public', 'public')
    AND current_setting('datestyle') LIKE 'ISO,%' AND current_setting('intervalstyle') = 'postgres'
    AND current_setting('bytea_output') = 'hex' AND current_setting('extra_float_digits')::integer >= 1
    AND current_setting('standard_conforming_strings')::boolean
    AND current_setting('default_transaction_isolation') = 'read committed'
    AND (SELECT setting::integer FROM pg_settings WHERE name = 'statement_timeout') NOT BETWEEN 1 AND 3999 AS "isUsual"`;

// Inside the transaction and not on the session, so that it holds behind a pooler that shares sessions. A lock is
// waited for 2 s at most (then 503).
// Every statement in a transaction looks up each of its rows by an index, whatever the planner thinks of tables that are
// small yet or whose numbers it does not know: where it expects a hundred rows and there is one, it would rather read a
// whole table or a whole index, and hash it. That settled, one plan is as good as another, and it is made once.
const begin = ({ frozenAfterMs = FROZEN_AFTER_MS, statementMs = STATEMENT_MS }: TxOptions) =>
  [
    'BEGIN ISOLATION LEVEL READ COMMITTED',
    'SET LOCAL lock_timeout = 2000',
    `SET LOCAL statement_timeout = ${statementMs}`,
    `SET LOCAL idle_in_transaction_session_timeout = ${frozenAfterMs}`,
    ...SESSION_DEFAULTS.map(({ name, value }) => `SET LOCAL ${name} = ${value}`),
    'SET LOCAL enable_seqscan = off',
    'SET LOCAL enable_hashjoin = off',
    'SET LOCAL enable_mergejoin = off',
    'SET LOCAL enable_material = off',
    'SET LOCAL jit = off',
    'SET LOCAL plan_cache_mode = force_generic_plan',
  ].join('; ');

const STATEMENT_MS = 4_000;

// As long as a lock is waited for: longer, and those who wait for it are refused for nothing.
const FROZEN_AFTER_MS = 2_000;

/** A socket that sends what is written in one turn together: what travels together takes one system call, and wakes the server once. */
function gatheringSocket(): Socket {
  const socket = new Socket();
  const write = socket.write.bind(socket);
  let isGathering = false;
  socket.write = (...args: unknown[]) => {
    if (!isGathering) {
      isGathering = true;
      socket.cork();
      process.nextTick(() => {
        isGathering = false;
        socket.uncork();
      });
    }
    return write(...(args as Parameters<typeof write>));
  };
  return socket;
}

/** Opens a pool; it connects when it is first asked to. */
export function openDatabase({ url, poolSize, applicationName, onError }: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: CLIENT_QUERY_TIMEOUT_MS,
    keepAlive: true,
    pipeline: true,
    stream: gatheringSocket,
    maxLifetimeSeconds: MAX_CONNECTION_AGE_S,
    application_name: applicationName,
  });
  // Without the first, an idle connection that dies ends the process; without the second, one that is checked out does.
  pool.on('error', onError);
  pool.on('connect', (client) => client.on('error', onError));
  const statements = createStatementNames();
  return { pool, query: drizzle(preparing(pool, statements)), statements };
}

/** A query under the name of its statement, or without one. */
const named = ({ name: _own, ...config }: pg.QueryConfig, name: string | undefined): pg.QueryConfig =>
  name === undefined ? config : { ...config, name };

const usual = new WeakMap<pg.PoolClient, Promise<boolean>>();

/** Whether a connection came with the settings that reading needs; it is asked once. */
function isUsual(client: pg.PoolClient): Promise<boolean> {
  const known = usual.get(client);
  if (known !== undefined) return known;
  const asked = client.query<{ isUsual: boolean }>(IS_USUAL).then(({ rows }) => rows[0]?.isUsual === true);
  usual.set(client, asked);
  return asked;
}

/** A pool whose queries outside transactions are prepared where they were given a name, and safe from other defaults. */
function preparing(pool: pg.Pool, statements: StatementNames): pg.Pool {
  const queryOn = async (client: pg.PoolClient, config: pg.QueryConfig, values: unknown[]) => {
    const name = config.name === undefined ? undefined : statements.of(config.text);
    try {
      return await client.query(named(config, name), values);
    } catch (error) {
      if (name === undefined || !isStatementLost(error)) throw error;
      statements.giveUp();
      return await client.query(named(config, undefined), values); // it was refused before it was run
    }
  };
  const query = async (config: pg.QueryConfig, values: unknown[]) => {
    const client = await pool.connect();
    let unusable: Error | undefined;
    try {
      if (await isUsual(client)) return await queryOn(client, config, values);
      await client.query(begin({}));
      const answer = await client.query(named(config, undefined), values);
      await client.query('COMMIT');
      return answer;
    } catch (error) {
      unusable = error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      // A statement that failed alone leaves its connection as it was, unless the server or the line is the reason.
      client.release(unusable !== undefined && isTransient(unusable) ? unusable : undefined);
    }
  };
  return { query } as unknown as pg.Pool;
}

/** The transaction may or may not have been committed: the connection failed while it was asked to. */
export class CommitUnknownError extends Error {
  constructor(cause: unknown) {
    super('the connection failed during COMMIT', { cause });
    this.name = 'CommitUnknownError';
  }
}

/** A connection as transactions see it. */
interface Line {
  readonly tx: Tx;
  /** The answer to BEGIN, until somebody has waited for it. */
  begun: Promise<unknown> | null;
}

const lines = new WeakMap<pg.PoolClient, Line>();

/**
 * A connection that keeps its statements prepared. What is sent before something was answered travels with it: BEGIN with
 * the first statement of its transaction, of which nobody hears anything until BEGIN has been answered.
 */
function lineOf(client: pg.PoolClient, statements: StatementNames): Line {
  const known = lines.get(client);
  if (known !== undefined) return known;
  const query = async (config: pg.QueryConfig, values: unknown[]) => {
    const answer = client.query(named(config, statements.of(config.text)), values);
    const { begun } = line;
    if (begun === null) return await answer;
    const [, first] = await Promise.all([begun, answer]);
    line.begun = null;
    return first;
  };
  const line: Line = { tx: drizzle({ query } as unknown as pg.PoolClient), begun: null };
  lines.set(client, line);
  return line;
}

/** Something that drizzle can build once and run many times. */
interface Preparable<P> {
  readonly prepare: (name: string) => P;
}

/**
 * A query that is built once for each connection, with placeholders for what differs: building it takes as long as running
 * it. Its `execute` sends it before it returns, so that what is called one after the other is sent in that order.
 */
export function prepared<P>(name: string, build: (db: Tx) => Preparable<P>): (db: Tx) => P {
  const known = new WeakMap<Tx, P>();
  return (db) => {
    const ready = known.get(db);
    if (ready !== undefined) return ready;
    const built = build(db).prepare(name);
    known.set(db, built);
    return built;
  };
}

export interface TxOptions {
  /**
   * How long this process may leave the server waiting for the next statement, in milliseconds; then it is taken for frozen,
   * and what it has locked is free again.
   */
  readonly frozenAfterMs?: number;
  /**
   * How long a statement may take with all that it waits for, in milliseconds. The limit for locks alone is not enough where
   * somebody is not to wait longer: who comes second waits for the first one's turn, and then for the lock.
   */
  readonly statementMs?: number;
}

const TRANSACTION = { kind: 'client', attributes: { 'db.system.name': 'postgresql' } } as const;

/**
 * Runs `work` in one transaction and commits it; anything thrown rolls it back.
 * Our own, since drizzle's transaction() leaks the pool's client when BEGIN fails (drizzle-orm#6023).
 * @throws CommitUnknownError if the connection failed during COMMIT; else whatever `work` or the server raised
 */
export function withTx<T>(db: Database, work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> {
  return tracedWithin('transaction', TRANSACTION, () => runTx(db, work, options));
}

async function runTx<T>({ pool, statements }: Database, work: (tx: Tx) => Promise<T>, options: TxOptions): Promise<T> {
  const client = await pool.connect();
  mark('connected');
  let unusable: Error | undefined;
  try {
    const line = lineOf(client, statements);
    line.begun = client.query(begin(options));
    line.begun.catch(() => {}); // whoever waits for it hears of it
    const result = await work(line.tx);
    await line.begun;
    mark('committing');
    await commit(client);
    return result;
  } catch (error) {
    unusable = await rollBack(client, error);
    // Where a pooler shares connections, no statement stays where it was prepared.
    if (isStatementLost(error)) statements.giveUp();
    throw error;
  } finally {
    client.release(unusable);
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  let command: string;
  try {
    ({ command } = await client.query('COMMIT'));
  } catch (error) {
    // The server said no (a deferred constraint, say): that is known. Silence or a broken line is not.
    throw sqlStateOf(error) === null || isTransient(error) ? new CommitUnknownError(error) : error;
  }
  if (command !== 'COMMIT') throw new Error(`the server answered COMMIT with ${command}`);
}

/** Rolls back, and says whether the connection has to be thrown away. */
async function rollBack(client: pg.PoolClient, error: unknown): Promise<Error | undefined> {
  // A query that timed out here is still running there: nothing else can be asked of this connection.
  if (error instanceof CommitUnknownError || sqlStateOf(error) === null) {
    const broken = error instanceof CommitUnknownError || isConnectionFailure(error);
    if (broken) return error instanceof Error ? error : new Error(String(error));
  }
  try {
    await client.query('ROLLBACK');
    // Nothing else can be asked of a connection whose statements are out of date, and nothing be written through one to a
    // server that takes no writes: the address may lead to another one by now.
    if (isPlanOutdated(error)) return new Error('a migration has changed what was planned', { cause: error });
    return isReadOnly(error) ? new Error('the server takes no writes', { cause: error }) : undefined;
  } catch (failure) {
    return failure instanceof Error ? failure : new Error(String(failure));
  }
}

function* causesOf(error: unknown): Generator<Error> {
  for (let current = error; current instanceof Error; current = current.cause) yield current;
}

/** The SQLSTATE of an error that Postgres raised, also where a library has wrapped it; null for any other error. */
export function sqlStateOf(error: unknown): string | null {
  for (const cause of causesOf(error)) {
    if (cause instanceof pg.DatabaseError && cause.code !== undefined) return cause.code;
  }
  return null;
}

/** The constraint that an error of Postgres names, or null. */
export function constraintOf(error: unknown): string | null {
  for (const cause of causesOf(error)) {
    if (cause instanceof pg.DatabaseError && cause.constraint !== undefined) return cause.constraint;
  }
  return null;
}

const NETWORK_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);
const CONNECTION_MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|not queryable/i;

function isConnectionFailure(error: unknown): boolean {
  return [...causesOf(error)].some((cause) => {
    const code = 'code' in cause ? String(cause.code) : '';
    return NETWORK_CODES.has(code) || CONNECTION_MESSAGES.test(cause.message);
  });
}

/** Whether a prepared statement did not exist, or existed already: then it was not run, and none is used from now on. */
export const isStatementLost = (error: unknown) => /^(26000|42P05)$/.test(sqlStateOf(error) ?? '');

// By its routine, since the message is in the language of the server.
const isPlanOutdated = (error: unknown) =>
  [...causesOf(error)].some((cause) => cause instanceof pg.DatabaseError && cause.routine === 'RevalidateCachedQuery');

/** Whether the server takes no writes: a standby, a primary that was demoted, one that its provider has closed to writes. */
export const isReadOnly = (error: unknown): boolean => sqlStateOf(error) === '25006';

const TIME_LIMITS = /timeout exceeded when trying to connect|query read timeout/i;

/** Whether a caller has waited as long as it may: for a connection, a lock or a statement. */
export function isTimeout(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== null) return state === '55P03' || state === '57014';
  return [...causesOf(error)].some(({ message }) => TIME_LIMITS.test(message));
}

// Serialization failure, deadlock, lock not available, cancelled by a timeout; read-only server; disk full, out of memory, too
// many connections (class 53); I/O error; shutting down, starting up; transaction and idle timeouts; a prepared statement that
// was lost; and every class 08 (connection) code.
const TRANSIENT_STATES =
  /^(40001|40P01|55P03|57014|25006|53...|58030|57P01|57P02|57P03|57P05|25P03|25P04|26000|42P05|08...)$/;

/** Whether the same thing, tried again later, may work: a lock or a connection was not to be had. */
export function isTransient(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== null) return TRANSIENT_STATES.test(state) || isPlanOutdated(error);
  return error instanceof CommitUnknownError || isConnectionFailure(error);
}
