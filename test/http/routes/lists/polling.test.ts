import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { onCleanup } from '../../../harness/cleanup.ts';
import { REQUESTS, seedDispute, seedOrder } from '../../../harness/seed.ts';
import { type Service, startService } from '../../../harness/service.ts';
import type { Dispute } from '../../../harness/types.ts';

interface Page {
  readonly data: Dispute[];
  readonly nextCursor: string | null;
}

let service: Service;
beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
});

/** A program that keeps itself up to date with nothing but the greatest `updatedAt` that it has seen. */
function startPolling(limit: number) {
  const known = new Map<string, Dispute>();
  let greatest = new Date(0).toISOString();
  const poll = async () => {
    let query: string | null = `sort=updatedAt&updatedAfter=${greatest}&limit=${limit}`;
    while (query !== null) {
      const path: string = `/v1/disputes?${query}`;
      const { body } = await service.withScopes('disputes:read').get<Page>(path);
      for (const dispute of body.data) {
        known.set(dispute.id, dispute);
        if (dispute.updatedAt > greatest) greatest = dispute.updatedAt;
      }
      query = body.nextCursor === null ? null : `${query.replace(/&cursor=.*/, '')}&cursor=${body.nextCursor}`;
    }
  };
  return { known, poll };
}

/** A transaction that changes a dispute as the service does, and has not been committed. */
async function changeUncommitted(id: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: service.database.url });
  await client.connect();
  onCleanup(() => client.end());
  await client.query('BEGIN');
  await client.query(`SELECT FROM orders WHERE id = (SELECT order_id FROM disputes WHERE id = $1) FOR UPDATE`, [id]);
  await client.query(
    `UPDATE disputes SET version = version + 1, updated_at = date_trunc('milliseconds', clock_timestamp()) WHERE id = $1`,
    [id],
  );
  return client;
}

const say = (id: string) => service.as('user-7').post(`/v1/disputes/${id}/comments`, { comment: 'And?' });

describe('a program that passes the greatest updatedAt that it has seen', () => {
  test('misses no change that is committed after a later one', async () => {
    const early = await seedDispute(service, 'cancellation');
    const late = await seedDispute(service, 'cancellation');
    const { known, poll } = startPolling(20);
    await poll();
    const uncommitted = await changeUncommitted(early.id);
    await say(late.id);
    await poll();
    expect([known.get(early.id)?.version, known.get(late.id)?.version]).toEqual([1, 1]);
    await uncommitted.query('COMMIT');
    await poll();
    expect([known.get(early.id)?.version, known.get(late.id)?.version]).toEqual([2, 2]);
  });

  test('is not held up by a transaction that only reads, nor by one that changes another database', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const other = await startService({ env: { REMINDERS: 'none' } });
    const clients = [service.database.url, other.database.url].map(
      (connectionString) => new pg.Client({ connectionString }),
    );
    for (const client of clients) {
      await client.connect();
      onCleanup(() => client.end());
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await client.query('SELECT count(*) FROM disputes');
    }
    await clients[1]?.query('SELECT pg_current_xact_id()');
    await say(id);
    const { known, poll } = startPolling(20);
    await poll();
    expect(known.get(id)?.version).toBe(2);
  });

  test('gets each of many disputes with one updatedAt, whatever the size of its pages', async () => {
    const disputes = await Promise.all(Array.from({ length: 7 }, () => seedDispute(service, 'order_update')));
    const ids = disputes.map(({ id }) => id);
    await service.database.query(
      `UPDATE disputes SET updated_at = '2026-11-23T10:00:00Z', opened_at = '2026-11-23T10:00:00Z' WHERE id = ANY ($1)`,
      [ids],
    );
    for (const limit of [1, 3, 6, 7, 8]) {
      const { known, poll } = startPolling(limit);
      await poll();
      await poll();
      expect(ids.filter((id) => !known.has(id))).toEqual([]);
    }
  });

  test('has all of sixty disputes that were opened ten at a time while it polled', async () => {
    const { known, poll } = startPolling(100);
    const opened: string[] = [];
    for (let round = 0; round < 6; round += 1) {
      const orders = await Promise.all(Array.from({ length: 10 }, () => seedOrder(service)));
      let isOver = false;
      const opening = Promise.all(
        orders.map(async ({ id }) => {
          const path = `/v1/orders/${id}/disputes`;
          opened.push((await service.as('user-7').post<Dispute>(path, REQUESTS.cancellation)).body.id);
        }),
      ).finally(() => {
        isOver = true;
      });
      while (!isOver) await poll();
      await opening;
    }
    await poll();
    expect(opened).toHaveLength(60);
    expect(opened.filter((id) => !known.has(id))).toEqual([]);
  });
});
