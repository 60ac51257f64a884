import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { createCore } from '../../src/application/command-queue.ts';
import type { CoreDeps } from '../../src/application/write.ts';
import { openDatabase } from '../../src/platform/postgres/database.ts';
import { rowsNamed, seedOpen } from '../bench/seed.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { CLIENT, FREELANCER, type Stage, setOrder, setStage } from '../proofs/races/stage.ts';

const cancellation = { type: 'cancellation', by: CLIENT } as const;

let stage: Stage;
let deps: CoreDeps;
let sent = 0;
beforeAll(async () => {
  stage = await setStage();
  const db = openDatabase({ url: stage.database.url, poolSize: 1, applicationName: 'find', onError: () => {} });
  onCleanup(() => db.pool.end());
  const take = db.connections.take;
  const counted = {
    ...db.connections,
    take: () => {
      sent += 1;
      return take();
    },
  };
  Object.assign(db.connections, counted);
  deps = createCore({ db, newId: stage.quiet.newId, onCommitted: () => {} });
});

describe('orders that are read in one turn', () => {
  test('come with one statement, each for the user who asked for it, by its id or by its dispute', async () => {
    const first = await setOrder(stage, cancellation);
    const second = await setOrder(stage);
    const before = sent;
    const found = await Promise.all([
      deps.find({ disputeId: first.disputeId }, CLIENT),
      deps.find({ orderId: second.orderId }, FREELANCER),
      deps.find({ orderId: first.orderId }, null),
      deps.find({ disputeId: first.disputeId }, 'a-stranger'),
      deps.find({ orderId: 'no-such-order' }, CLIENT),
    ]);
    expect(sent - before).toBe(1);
    expect(found.map((one) => one?.order.id)).toEqual([
      first.orderId,
      second.orderId,
      first.orderId,
      undefined,
      undefined,
    ]);
    expect(found.map((one) => one?.disputes.map(({ id }) => id))).toEqual([
      [first.disputeId],
      [],
      [first.disputeId],
      undefined,
      undefined,
    ]);
  });

  test('are looked up by their keys, also if that was planned when there were next to none', async () => {
    const { disputeId } = await setOrder(stage, cancellation);
    // So often that PostgreSQL plans it for any targets.
    for (let n = 0; n < 8; n += 1) await deps.find({ disputeId }, CLIENT);
    const admin = new pg.Pool({ connectionString: stage.database.url, max: 1 });
    onCleanup(() => admin.end());
    await seedOpen(admin, rowsNamed('many-', 5_000), `clock_timestamp() + interval '2 days'`);
    const looked = async () => {
      await deps.db.query.execute('SELECT pg_stat_force_next_flush()');
      const { rows } = await deps.db.query.execute<{ looked: number }>(
        `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::integer AS looked FROM pg_stat_user_tables
         WHERE relname IN ('orders', 'disputes')`,
      );
      return rows[0]?.looked ?? Number.NaN;
    };
    const before = await looked();
    await Promise.all([deps.find({ disputeId }, CLIENT), deps.find({ orderId: 'many-7' }, null)]);
    expect((await looked()) - before).toBeLessThan(40);
  });
});
