import { beforeAll, describe, expect, test } from 'vitest';
import { sequenceLog } from '../../src/application/feed/feed.ts';
import { withTx } from '../../src/platform/postgres/database.ts';
import { endOfLog, nextFanOut, setPosition } from '../../src/webhooks/store/fan-out.ts';
import { appendEntries } from '../harness/log-entries.ts';
import { seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { type Endpoint, LOCAL, manager } from './endpoints.ts';

const LIMIT = 4;

let service: Service;
beforeAll(async () => {
  service = await startService({ env: LOCAL });
});

/** The batches in which an endpoint gets what lies behind its position, by the positions of their events. */
async function batchesOf(endpointId: string): Promise<number[][]> {
  const { db } = service.deps.write;
  const batches: number[][] = [];
  for (;;) {
    const found = await withTx(db, async (tx) => {
      const next = await nextFanOut(tx, { head: await endOfLog(tx), limit: LIMIT, except: [] });
      if (next !== null) await setPosition(tx, next.endpoint.id, next.position);
      return next;
    });
    if (found === null) return batches;
    expect(found.endpoint.id).toBe(endpointId);
    if (found.events.length > 0) batches.push(found.events.map(({ seq }) => seq));
  }
}

describe.each([
  ['all types', null],
  ['one type', ['dispute.comment_added']],
])('an endpoint of %s hears of every event, once and in order', (_what, types) => {
  test.each([LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT + 2])('where %i come at once, in batches of 4', async (count) => {
    const { orderId } = await seedDispute(service, 'cancellation');
    await sequenceLog(service.deps.write.db);
    const { body } = await manager(service).post<Endpoint>('/v1/webhook-endpoints', {
      url: 'http://127.0.0.1:9/',
      types,
    });
    await appendEntries(service.database, orderId, count);
    await sequenceLog(service.deps.write.db);
    const written = await service.database.query<{ seq: string }>(
      `SELECT seq FROM log_entries WHERE order_id = $1 AND type = 'dispute.comment_added' ORDER BY seq`,
      [orderId],
    );
    const batches = await batchesOf(body.id);
    expect(batches.flat()).toEqual(written.map(({ seq }) => Number(seq)));
    expect(batches.map(({ length }) => length)).toEqual([
      ...Array<number>(Math.floor(count / LIMIT)).fill(LIMIT),
      ...(count % LIMIT === 0 ? [] : [count % LIMIT]),
    ]);
    await manager(service).delete(`/v1/webhook-endpoints/${body.id}`);
  });
});
