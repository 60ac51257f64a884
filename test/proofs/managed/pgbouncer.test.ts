import { describe, expect, test } from 'vitest';
import { createDatabase } from '../../harness/database.ts';
import { seedDispute } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import { runMainFlow } from './flow.ts';
import { hasPgBouncer, startPgBouncer } from './servers/pgbouncer.ts';

// A skipped test says why: without PgBouncer (Debian: apt-get install pgbouncer) there is none to go through.
const pooled = hasPgBouncer ? describe : describe.skip;

pooled('through PgBouncer in transaction mode (needs pgbouncer)', () => {
  test('the main flow goes as without it, and statements that it loses are done without', async () => {
    const database = await createDatabase();
    const databaseUrl = await startPgBouncer(database, 3);
    const env = { WINDOW_CANCELLATION: 'PT2S', REMINDERS: 'none' };
    const service = await startService({ role: 'all', env, database, databaseUrl });
    // More at a time than PgBouncer has connections, so that they are shared in every order.
    const disputes = await Promise.all(Array.from({ length: 12 }, () => seedDispute(service, 'cancellation')));
    expect(new Set(disputes.map(({ id }) => id)).size).toBe(12);
    const { accepted, cancelled, events } = await runMainFlow(service);
    expect([accepted.resolution, cancelled.status, events]).toEqual(['accepted', 'mutually_cancelled', 4]);
    // This PgBouncer keeps no prepared statements: the service has noticed, and goes on without.
    expect(service.deps.write.db.statements.of('any')).toBeUndefined();
    await service.close();
  });
});
