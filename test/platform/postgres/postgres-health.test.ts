import { expect, test } from 'vitest';
import { openDatabase } from '../../../src/platform/postgres/database.ts';
import { watchPostgres } from '../../../src/platform/postgres/postgres-health.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { createDatabase } from '../../harness/database.ts';
import { captureLog } from '../../harness/log.ts';

test('callers that ask at the same time how PostgreSQL is take one connection of the pool', async () => {
  const { url } = await createDatabase();
  const db = openDatabase({ url, poolSize: 4, applicationName: 'tests', onError: () => {} });
  onCleanup(() => db.pool.end());
  let taken = 0;
  const take = () => {
    taken += 1;
    return db.connections.take();
  };
  const look = watchPostgres({ ...db.connections, take }, captureLog('info').log);
  expect(await Promise.all(Array.from({ length: 50 }, look))).toEqual(Array(50).fill('up'));
  expect(taken).toBe(1);
});
