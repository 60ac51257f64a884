import { expect, test } from '@jest/globals';
import pg from 'pg';
import { openDatabase, type Tx, withTx } from '../../src/platform/database.ts';
import { write } from '../../src/store/write-set.ts';
import { rowsNamed, seedOpen } from '../bench/seed.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { seedDispute } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import { decideAcceptance } from './acceptance.ts';

const IN_TWO_DAYS = `clock_timestamp() + interval '2 days'`;
const FEW = 300;
const MANY = 5_000;
/** Each row that it writes, with the rows that its keys refer to, and some more. */
const LOOKED_AT = 40;

async function accept(tx: Tx, disputeId: string): Promise<void> {
  await write(tx, await decideAcceptance(tx, disputeId));
}

test('a write looks at its own rows only, also if it was planned when there were next to none', async () => {
  const service = await startService();
  const { url, query } = service.database;
  const admin = new pg.Pool({ connectionString: url, max: 1 });
  const db = openDatabase({ url, poolSize: 1, applicationName: 'lookups', onError: () => {} });
  onCleanup(async () => {
    await db.pool.end();
    await admin.end();
  });
  const first = await seedDispute(service, 'cancellation');
  const second = await seedDispute(service, 'cancellation');
  await seedOpen(admin, rowsNamed('few-', FEW), IN_TWO_DAYS);
  await query('VACUUM ANALYZE');
  await withTx(db, (tx) => accept(tx, first.id));
  await seedOpen(admin, rowsNamed('many-', MANY), IN_TWO_DAYS);

  const looked = await withTx(db, async (tx) => {
    await accept(tx, second.id);
    const { rows } = await tx.execute<{ looked: number }>(
      'SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::integer AS looked FROM pg_stat_xact_user_tables',
    );
    return rows[0]?.looked;
  });
  expect(looked).toBeGreaterThan(0);
  expect(looked).toBeLessThan(LOOKED_AT);
});
