import { Socket } from 'node:net';
import { isNativeError } from 'node:util/types';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { mark, tracedWithin } from '../tracing.ts';
import { type Connections, NoConnectionError, watchConnections } from './connections.ts';
import { BEGIN_READ, begin, IS_USUAL, type TxOptions } from './session.ts';
import { createStatementNames, type StatementNames } from './statements.ts';

/** Queries outside a transaction: they read. What is written is written by `withTx`, which sets that a commit is durable. */
export type Reads = Pick<NodePgDatabase, 'select' | 'selectDistinct' | 'execute'>;

/** A pool of connections, and typed queries on any of them outside a transaction. */
export interface Database {
  readonly pool: pg.Pool;
  readonly connections: Connections;
  readonly query: Reads;
  readonly statements: StatementNames;
}

/** One open transaction: a function that takes it may query it and must not end it. */
export type Tx = NodePgDatabase;

export interface DatabaseOptions {
  readonly url: string;
  readonly poolSize: number;
  readonly applicationName: string;
  /** Called when an idle connection fails. */
  readonly onError: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 2_000;
// The client gives up after the server does: a server-side limit alone hangs on a frozen server.
const CLIENT_QUERY_TIMEOUT_MS = 5_000;
const MAX_CONNECTION_AGE_S = 1_800;

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
  const connections = watchConnections(pool, { size: poolSize, patienceMs: CONNECT_TIMEOUT_MS, onRefused: onError });
  const statements = createStatementNames();
  return { pool, connections, query: drizzle(preparing(connections, statements)), statements };
}

/** A query under the name of its statement, or without one. */
const named = ({ name: _own, ...config }: pg.QueryConfig, name: string | undefined): pg.QueryConfig =>
  name === undefined ? config : { ...config, name };

const usual = new WeakMap<pg.PoolClient, boolean>();

/** Whether a connection came with the settings that reading needs; it is asked once. */
async function isUsual(client: pg.PoolClient): Promise<boolean> {
  const known = usual.get(client);
  if (known !== undefined) return known;
  const { rows } = await client.query<{ isUsual: boolean }>(IS_USUAL);
  const answer = rows[0]?.isUsual === true;
  usual.set(client, answer);
  return answer;
}

/** Runs a query in a transaction of its own, which has the service's settings. */
async function readInTx(client: pg.PoolClient, config: pg.QueryConfig, values: unknown[]) {
  const [, answer] = await Promise.all([client.query(BEGIN_READ), client.query(named(config, undefined), values)]);
  await client.query('COMMIT');
  return answer;
}

/** A pool whose queries outside transactions are prepared where they were given a name, and safe from other defaults. */
function preparing(connections: Connections, statements: StatementNames): pg.Pool {
  const readAlone = async (client: pg.PoolClient, config: pg.QueryConfig, values: unknown[]) => {
    const name = config.name === undefined ? undefined : statements.of(config.text);
    try {
      return await client.query(named(config, name), values);
    } catch (error) {
      if (name === undefined || !isStatementLost(error)) throw error;
      statements.giveUp();
      return await client.query(named(config, undefined), values); // it was refused before it was run
    }
  };
  const readOnce = async (config: pg.QueryConfig, values: unknown[]) => {
    const client = await connections.take();
    let unusable: Error | undefined;
    try {
      const read = (await isUsual(client)) ? readAlone : readInTx;
      return await read(client, config, values);
    } catch (error) {
      unusable = await rollBack(client, error);
      if (isPlanOutdated(error)) connections.distrust();
      throw error;
    } finally {
      client.release(unusable);
    }
  };
  const query = async (config: pg.QueryConfig, values: unknown[]) => {
    try {
      return await readOnce(config, values);
    } catch (error) {
      // Servers and proxies end idle connections, also at the moment at which one is taken. A read may be done again.
      if (!isConnectionLost(error) && !isPlanOutdated(error)) throw error;
      return await readOnce(config, values);
    }
  };
  return { query } as unknown as pg.Pool; // all of a pool that drizzle uses
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
  /** The answer to BEGIN, until it has been awaited. */
  begun: Promise<unknown> | null;
}

const lines = new WeakMap<pg.PoolClient, Line>();

/**
 * A connection that keeps its statements prepared. What is sent before something was answered travels with it: BEGIN with
 * the first statement of its transaction, whose result is not passed on before BEGIN has been answered.
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
export function prepared<P, D extends Reads>(name: string, build: (db: D) => Preparable<P>): (db: D) => P {
  const known = new WeakMap<D, P>();
  return (db) => {
    const ready = known.get(db);
    if (ready !== undefined) return ready;
    const built = build(db).prepare(name);
    known.set(db, built);
    return built;
  };
}

const TRANSACTION = { kind: 'client', attributes: { 'db.system.name': 'postgresql' } } as const;

/**
 * Runs `work` in one transaction and commits it; anything thrown rolls it back.
 * Our own, since drizzle's transaction() leaks the pool's client when BEGIN fails (drizzle-orm#6023).
 * Where a pooler has lost a prepared statement, or a migration has changed what one returns, the transaction was rolled back:
 * `work` is run again, once, without prepared statements or on a new connection, so it may not change anything outside the
 * transaction that a second run would get wrong.
 * @throws CommitUnknownError if the connection failed during COMMIT; else whatever `work` or the server raised
 */
export function withTx<T>(db: Database, work: (tx: Tx) => Promise<T>, options: TxOptions = {}): Promise<T> {
  return tracedWithin('transaction', TRANSACTION, async () => {
    try {
      return await runTx(db, work, options);
    } catch (error) {
      const isRefusedStatement = isStatementLost(error) || isPlanOutdated(error);
      if (error instanceof CommitUnknownError || !isRefusedStatement) throw error;
      return await runTx(db, work, options);
    }
  });
}

async function runTx<T>(
  { connections, statements }: Database,
  work: (tx: Tx) => Promise<T>,
  options: TxOptions,
): Promise<T> {
  const client = await connections.take();
  mark('connected');
  let unusable: Error | undefined;
  try {
    const line = lineOf(client, statements);
    line.begun = client.query(begin(options));
    line.begun.catch(() => {}); // it is awaited below, where it throws
    const result = await work(line.tx);
    await line.begun;
    mark('committing');
    await commit(client);
    return result;
  } catch (error) {
    unusable = await rollBack(client, error);
    // Where a pooler shares connections, no statement stays where it was prepared.
    if (isStatementLost(error)) statements.giveUp();
    if (isReadOnly(error) || isPlanOutdated(error)) connections.distrust();
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
    // Nothing else can be asked of a connection whose statements are out of date.
    return isPlanOutdated(error) ? new Error('a migration has changed what was planned', { cause: error }) : undefined;
  } catch (failure) {
    return failure instanceof Error ? failure : new Error(String(failure));
  }
}

// Not by `instanceof`: errors of Node's sockets belong to another realm where modules are run in a context of their own.
function* causesOf(error: unknown): Generator<Error> {
  for (let current = error; isNativeError(current); current = current.cause) yield current;
}

/** The SQLSTATE of an error that Postgres raised, also where a library has wrapped it; null for any other error. */
export function sqlStateOf(error: unknown): string | null {
  for (const cause of causesOf(error)) {
    if (cause instanceof pg.DatabaseError && cause.code !== undefined) return cause.code;
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

/** Whether the connection has ended, and not because of how long something took. */
function isConnectionLost(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === null ? isConnectionFailure(error) && !isTimeout(error) : /^(57P01|57P05|08...)$/.test(state);
}

// Serialization failure, deadlock, lock not available, cancelled by a timeout; read-only server; disk full, out of memory, too
// many connections (class 53); I/O error; shutting down, starting up; transaction and idle timeouts; a prepared statement that
// was lost; and every class 08 (connection) code.
const TRANSIENT_STATES =
  /^(40001|40P01|55P03|57014|25006|53...|58030|57P01|57P02|57P03|57P05|25P03|25P04|26000|42P05|08...)$/;

/** Whether the same thing, tried again later, may work: a lock or a connection was not to be had. */
export function isTransient(error: unknown): boolean {
  if ([...causesOf(error)].some((cause) => cause instanceof NoConnectionError)) return true;
  const state = sqlStateOf(error);
  if (state !== null) return TRANSIENT_STATES.test(state) || isPlanOutdated(error);
  return error instanceof CommitUnknownError || isConnectionFailure(error);
}
