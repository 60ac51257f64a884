import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/**
 * There was no connection to be had: the server is away, full, or does not accept the user (its password was changed, say). It
 * says nothing about what was to be asked on it.
 */
export class NoConnectionError extends Error {
  constructor(cause: unknown) {
    super('no connection to PostgreSQL was to be had', { cause });
    this.name = 'NoConnectionError';
  }
}

/** The connections of a pool: as many as the server allows, and none to a server that was found to take no writes. */
export interface Connections {
  /**
   * Takes a connection; `release` gives it back.
   * @throws NoConnectionError within about four seconds, if there is none to be had
   */
  readonly take: () => Promise<pg.PoolClient>;
  /**
   * Tells that connections that exist are of no use: their server takes no writes, and the address may lead to another one by
   * now, or a migration has changed what their statements return. None of them is taken again. Ignored within a second of the
   * last time: where there is only such a server, each call would connect anew.
   */
  readonly distrust: () => void;
}

export interface ConnectionsOptions {
  /** How many there may be. */
  readonly size: number;
  /** How long a caller waits while the server allows none, in milliseconds. */
  readonly patienceMs: number;
  /** Told when the server refuses a connection beyond those that are there. */
  readonly onRefused: (error: Error) => void;
}

const DISTRUST_EVERY_MS = 1_000;
const ASK_AGAIN_MS = 100;
const FEWER_FOR_MS = 10_000;

// The server has as many as max_connections allows, or this role or database as its CONNECTION LIMIT does.
const isRefused = (error: unknown): error is pg.DatabaseError =>
  error instanceof pg.DatabaseError && error.code === '53300';

/** Makes the pool as large as the server allows: callers wait for the connections that are there, and are not refused. */
function fitToServer(pool: pg.Pool, size: number) {
  let connected = 0;
  pool.on('connect', () => {
    connected += 1;
    if (connected > pool.options.max) pool.options.max = connected;
  });
  pool.on('remove', () => {
    connected -= 1;
  });
  let isSmaller = false;
  return {
    count: () => connected,
    shrink: () => {
      pool.options.max = Math.max(1, connected);
      if (isSmaller) return;
      isSmaller = true;
      setTimeout(() => {
        isSmaller = false;
        pool.options.max = size;
      }, FEWER_FOR_MS).unref();
    },
  };
}

/** Watches over the connections of a pool, which must not be asked for one by other means. */
export function watchConnections(pool: pg.Pool, { size, patienceMs, onRefused }: ConnectionsOptions): Connections {
  const connectedAt = new WeakMap<pg.PoolClient, number>();
  pool.on('connect', (client) => void connectedAt.set(client, performance.now()));
  const { count, shrink } = fitToServer(pool, size);
  let distrustedAt = -Infinity;
  const isTrusted = (client: pg.PoolClient) => (connectedAt.get(client) ?? 0) > distrustedAt;

  const take = async () => {
    const begun = performance.now();
    for (;;) {
      try {
        const client = await pool.connect();
        if (isTrusted(client)) return client;
        client.release(new Error('it is out of date'));
      } catch (error) {
        if (!isRefused(error)) throw new NoConnectionError(error);
        onRefused(error);
        shrink();
        if (performance.now() - begun > patienceMs) throw new NoConnectionError(error);
        if (count() === 0) await sleep(ASK_AGAIN_MS);
      }
    }
  };
  return {
    take,
    distrust: () => {
      const now = performance.now();
      if (now - distrustedAt >= DISTRUST_EVERY_MS) distrustedAt = now;
    },
  };
}
