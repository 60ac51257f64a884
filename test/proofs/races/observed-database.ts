import type pg from 'pg';
import { type Database, openDatabase } from '../../../src/platform/postgres/database.ts';
import { onCleanup } from '../../harness/cleanup.ts';

/** One statement of a transaction, before it is sent. */
export interface Statement {
  readonly text: string;
  /** The server process of the connection on which it is sent. */
  readonly pid: number;
  /** Sends it, and gives what comes back. */
  readonly send: () => Promise<unknown>;
}

/** Stands between a transaction and its connection: it decides when a statement is sent, if at all. */
export type Observe = (statement: Statement) => Promise<unknown>;

type Query = (...args: unknown[]) => Promise<unknown>;

function textOf(first: unknown): string {
  return typeof first === 'string' ? first : (first as { text: string }).text;
}

const FROZEN = /(idle_in_transaction_session_timeout = )\d+/;

const withoutHaste = (first: unknown): unknown =>
  typeof first === 'string' ? first.replace(FROZEN, (_all, name: string) => `${name}60000`) : first;

function observeClient(client: pg.PoolClient, observe: Observe, mayPause: boolean): void {
  const { processID: pid } = client as unknown as { processID: number };
  const query: Query = client.query.bind(client);
  let last: Promise<unknown> = Promise.resolve();
  const observed: Query = (...args) => {
    // Only a pool's own queries, which are not part of a transaction, come with a callback.
    if (typeof args.at(-1) === 'function') return query(...args);
    // One after the other, as the server runs them, also where they travel together.
    const answer = last.then(() =>
      observe({
        text: textOf(args[0]),
        pid,
        send: () => query(mayPause ? withoutHaste(args[0]) : args[0], ...args.slice(1)),
      }),
    );
    last = answer.catch(() => {});
    return answer;
  };
  client.query = observed as typeof client.query;
}

/**
 * The service's own database access, with an observer between every transaction and its connection.
 * @param mayPause for an observer that pauses transactions: the limit for frozen processes would end them on a busy machine
 */
export function observedDatabase(url: string, observe: Observe, poolSize = 8, mayPause = false): Database {
  const database = openDatabase({ url, poolSize, applicationName: 'observed', onError: () => {} });
  const known = new WeakSet<pg.PoolClient>();
  const connect = database.pool.connect.bind(database.pool);
  const observedConnect = async () => {
    const client = await connect();
    if (!known.has(client)) observeClient(client, observe, mayPause);
    known.add(client);
    return client;
  };
  const { pool } = database;
  pool.connect = ((...args: [] | [(...rest: unknown[]) => void]) =>
    args.length === 0 ? observedConnect() : connect(...(args as unknown as []))) as typeof pool.connect;
  onCleanup(() => pool.end());
  return database;
}
