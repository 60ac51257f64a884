import { openAskingClient } from './redis.ts';

const COMMAND_TIMEOUT_MS = 200;
const CONNECT_TIMEOUT_MS = 500;

/** Counts in Redis, with a client of their own that gives up within a fraction of a second. */
export function openSharedCounts(url: string, prefix: string, onError: (error: Error) => void) {
  const redis = openAskingClient(url, { connectTimeout: CONNECT_TIMEOUT_MS, commandTimeout: COMMAND_TIMEOUT_MS });
  redis.on('error', onError);
  return {
    /** Adds to each count and says what it has come to. */
    add: async (counts: ReadonlyMap<string, number>, keepMs: number): Promise<ReadonlyMap<string, number>> => {
      const totals = await Promise.all(
        [...counts].map(async ([name, more]) => {
          const key = `${prefix}:rate:${name}`;
          // Sent together: the answer to the first says whether both have arrived.
          const [total] = await Promise.all([redis.incrby(key, more), redis.pexpire(key, keepMs)]);
          return [name, total] as const;
        }),
      );
      return new Map(totals);
    },
    close: (): void => redis.disconnect(),
  };
}
