import pg from 'pg';
import { expect, test } from 'vitest';
import { rowsNamed, seedOpen } from '../bench/seed.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { createDatabase, type TestDatabase } from '../harness/database.ts';
import { startProcess } from '../harness/process.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { waitFor } from '../harness/wait-for.ts';

const MANY = 5_000;
/** What an api looks at when it starts, and what a few commands and reads do. */
const LOOKED_AT = 1_000;

const countLooks = `SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::integer AS looks
  FROM pg_stat_user_tables`;

/** How many rows of all tables were looked at by connections that have ended, and by this one. */
async function looksIn({ url }: TestDatabase): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<{ looks: number }>(countLooks)).rows[0]?.looks ?? Number.NaN;
  } finally {
    await client.end();
  }
}

test('the built service opens, answers and shows disputes without a look at the thousands of others', async () => {
  const database = await createDatabase();
  const admin = new pg.Pool({ connectionString: database.url, max: 1 });
  onCleanup(() => admin.end());
  await seedOpen(admin, rowsNamed('many-', MANY, 'many'), `clock_timestamp() + interval '2 days'`);
  await admin.query('VACUUM ANALYZE');
  await admin.query('SELECT pg_stat_force_next_flush()');
  const before = await looksIn(database);

  const service = await startProcess({ role: 'api', database });
  for (let n = 0; n < 3; n += 1) {
    const { id } = await seedDispute(service, 'cancellation');
    expect((await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`)).status).toBe(200);
    for (const path of [`/v1/disputes/${id}`, `/v1/disputes/${id}/timeline`, '/v1/disputes', '/v1/disputes/summary'])
      expect((await service.as(CLIENT).get(path)).status).toBe(200);
  }
  // PostgreSQL counts what a connection has looked at when it ends, at the latest.
  await service.stop();
  await waitFor('the connections of the service have ended', async () => {
    const others = "SELECT FROM pg_stat_activity WHERE datname = $1 AND application_name LIKE 'resolution-center%'";
    return (await database.query(others, [database.name])).length === 0;
  });
  const looks = (await looksIn(database)) - before;
  expect(looks).toBeGreaterThan(0);
  expect(looks).toBeLessThan(LOOKED_AT);
});
