import { describe, expect, test } from 'vitest';
import { createDatabase, letTimePass, type TestDatabase } from '../../harness/database.ts';
import { runProgram, startProcess } from '../../harness/process.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { seedDispute } from '../../harness/seed.ts';
import { testEnvironment } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';

const HOUR = 3_600_000;

type Row = { resolution: string | null; on_time: boolean };

/** Waits for a resolution without asking the service, which would settle an overdue dispute itself. */
function resolved(database: TestDatabase, disputeId: string): Promise<Row> {
  return waitFor('the dispute is resolved', async () => {
    const sql = 'SELECT resolution, resolved_at >= respond_by AS on_time FROM disputes WHERE id = $1';
    const [row] = await database.query<Row>(sql, [disputeId]);
    return row?.resolution !== null && row;
  });
}

describe('a process', () => {
  test('serves, lets silence take effect by itself, and ends with 0 when it is asked to', async () => {
    const service = await startProcess({ env: { WINDOW_CANCELLATION: 'PT1S' } });
    const { id } = await seedDispute(service, 'cancellation');
    expect(await resolved(service.database, id)).toEqual({ resolution: 'expired', on_time: true });
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(service.stderr()).toBe('');
  });

  test('as a worker settles what an API process opened', async () => {
    const api = await startProcess({ role: 'api' });
    const { id } = await seedDispute(api, 'order_update');
    await letTimePass(api.database, id, 48 * HOUR);
    await startProcess({ role: 'worker', database: api.database });
    expect(await resolved(api.database, id)).toEqual({ resolution: 'expired', on_time: true });
  });

  test('does not start with a wrong value, and names it in one line', async () => {
    const { url } = await createDatabase();
    const env = { ...testEnvironment(url, await testRedisUrl()), WINDOW_CANCELLATION: 'two days' };
    const started = runProgram('main.js', [], { env });
    expect((await started.exited).code).toBe(1);
    expect(started.stderr()).toMatch(/^WINDOW_CANCELLATION must be an ISO 8601 duration[^\n]+\n$/);
    expect(started.stdout()).toBe('');
  });
});
