import type { Logger } from 'pino';
import { createChangeLog } from '../logging/change-log.ts';
import { sharingAnswers } from '../shared-answer.ts';
import { within } from '../within.ts';
import type { Connections } from './connections.ts';

/** How PostgreSQL is at this moment. */
export type PostgresState = 'up' | 'read_only' | 'down';

const ANSWER_MS = 2_000;
const IS_READ_ONLY = `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS "isReadOnly"`;

/** PostgreSQL answers, and takes no writes. */
class ReadOnlyError extends Error {
  constructor() {
    super('PostgreSQL takes no writes: it is a standby, or read-only by its settings');
    this.name = 'ReadOnlyError';
  }
}

/**
 * Makes what looks after PostgreSQL: it says within two seconds how it is, and never rejects. Callers at the same time share
 * one answer and so one connection of the pool. Each change is logged, six a minute at most.
 */
export function watchPostgres(connections: Connections, log: Logger): () => Promise<PostgresState> {
  const logChange = createChangeLog({ initial: 'up' });
  const tell = (state: PostgresState, error?: unknown) => {
    logChange(state, (facts) => {
      if (state === 'up') log.info(facts, 'PostgreSQL takes reads and writes');
      else {
        const message = state === 'down' ? 'PostgreSQL is away' : 'PostgreSQL takes no writes';
        log.error({ err: error, ...facts }, message);
      }
    });
    return state;
  };

  const askOn = async () => {
    const client = await connections.take();
    let unusable: Error | undefined = new Error('the question had no answer');
    try {
      const { rows } = await client.query<{ isReadOnly: boolean }>(IS_READ_ONLY);
      unusable = undefined;
      if (rows[0]?.isReadOnly !== true) return;
    } finally {
      client.release(unusable);
    }
    connections.distrust();
    throw new ReadOnlyError();
  };

  const look = async (): Promise<PostgresState> => {
    try {
      await within(ANSWER_MS, 'PostgreSQL did not answer', askOn());
      return tell('up');
    } catch (error) {
      return tell(error instanceof ReadOnlyError ? 'read_only' : 'down', error);
    }
  };

  return sharingAnswers(look);
}
