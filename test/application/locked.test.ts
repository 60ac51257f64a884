import pg from 'pg';
import { expect, test } from 'vitest';
import { onCleanup } from '../harness/cleanup.ts';
import { CLIENT, seedDispute } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';

test('of callers who wait for a locked order, the earlier one is refused before those who came more than a second later', async () => {
  const service = await startService({ env: { REMINDERS: 'none' } });
  const { id, orderId } = await seedDispute(service, 'cancellation');
  const holder = new pg.Client({ connectionString: service.database.url });
  await holder.connect();
  onCleanup(() => holder.end());
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [orderId]);
  const waiting = async () => {
    const sql = `SELECT count(*)::integer AS n, coalesce(max(clock_timestamp() - query_start), '0') > interval '1.2 seconds' AS long
      FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    return (await service.database.query<{ n: number; long: boolean }>(sql))[0] ?? { n: 0, long: false };
  };
  const refused: string[] = [];
  const ask = async (who: string) => {
    const answer = await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Anybody there?' });
    expect([answer.status, answer.problem.code]).toEqual([503, 'unavailable']);
    refused.push(who);
  };
  const first = ask('first');
  await waitFor('the first one waits', async () => (await waiting()).n === 1);
  const second = ask('second');
  await waitFor('the second one waits, too', async () => (await waiting()).n === 2);
  await waitFor('they have waited for a while', async () => (await waiting()).long);
  await Promise.all([first, second, ask('third')]);
  expect(refused).toEqual(['first', 'second', 'third']);
});
