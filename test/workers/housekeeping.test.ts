import { expect, test } from 'vitest';
import { createDatabase, letTimePass } from '../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';

const DAY_MS = 86_400_000;
const ENDPOINT_ID = '01a207d9-2100-7c1e-9b52-4f0e8a6d2c11';

test('a worker keeps house for the core and for each slice', async () => {
  const database = await createDatabase();
  const api = await startService({ database });
  const dispute = await seedDispute(api, 'cancellation');
  await api.as(FREELANCER).post(`/v1/disputes/${dispute.id}/decline`, { comment: 'No.' }, { 'idempotency-key': 'old' });
  await letTimePass(database, dispute.id, 31 * DAY_MS);
  await database.query(`UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'`);
  await database.query(`INSERT INTO webhook_endpoints_removed (endpoint_id, removed_at) VALUES ($1, now())`, [
    ENDPOINT_ID,
  ]);

  const left = async () => {
    const [counts] = await database.query(`SELECT
      (SELECT count(*)::integer FROM idempotency_keys WHERE key = 'old') AS keys,
      (SELECT count(*)::integer FROM webhook_endpoints_removed) AS removed,
      (SELECT count(*)::integer FROM log_entries WHERE comment IS NOT NULL) AS comments`);
    return counts;
  };
  expect(await left()).toEqual({ keys: 1, removed: 1, comments: 2 });

  await startService({ database, role: 'worker', env: { COMMENT_RETENTION: 'P30D' } });
  const nothing = JSON.stringify({ keys: 0, removed: 0, comments: 0 });
  await waitFor('all of it is gone', async () => JSON.stringify(await left()) === nothing);
  expect((await api.as(CLIENT).get<{ comment: string | null }>(`/v1/disputes/${dispute.id}`)).body.comment).toBeNull();
});
