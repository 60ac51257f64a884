import { expect, test } from 'vitest';
import { withTx } from '../../src/platform/postgres/database.ts';
import { noteFailure } from '../../src/store/due/overdue.ts';
import { seedDispute } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';

test('a deadline on which two workers fail at the same time has failed once, and waits no longer for it', async () => {
  const service = await startService();
  const { id } = await seedDispute(service, 'cancellation');
  const note = () => withTx(service.deps.write.db, (tx) => noteFailure(tx, id, new Error('poison')));
  const waitS = async () => {
    const [row] = await service.database.query<{ s: number }>(
      'SELECT extract(epoch FROM retry_at - clock_timestamp())::float8 AS s FROM deadline_failures',
    );
    return row?.s ?? Number.NaN;
  };
  expect([await note(), await note()]).toEqual([1, 1]);
  expect(await waitS()).toBeLessThanOrEqual(2);
  await service.database.query(`UPDATE deadline_failures SET retry_at = retry_at - interval '1 hour'`);
  expect([await note(), await note()]).toEqual([2, 2]);
  expect(await waitS()).toBeGreaterThan(2);
  expect(await waitS()).toBeLessThanOrEqual(4);
});
