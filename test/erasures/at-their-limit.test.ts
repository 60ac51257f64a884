import { expect, test } from 'vitest';
import { eraseComments } from '../../src/erasures/store.ts';
import { type Tx, withTx } from '../../src/platform/postgres/database.ts';
import { eraseResponses } from '../../src/webhooks/store/attempts.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';

const LIMIT = 4;

/** Has `count` answers and as many responses of receivers repeat a comment, and one response that concerns another order. */
async function repeatComment({ database }: Service, dispute: Dispute, count: number): Promise<void> {
  await database.query('DELETE FROM idempotency_keys');
  await database.query(
    `INSERT INTO idempotency_keys
     SELECT 'user-7', n::text, n::text, 200, '{}', '{"id":"' || $2 || '","comment":"mine"}', now()
     FROM generate_series(1, $1::integer) AS n`,
    [count, dispute.id],
  );
  await database.query(
    `WITH endpoint AS (
       INSERT INTO webhook_endpoints (id, url, include_comments, active, active_since, secret, position, created_by,
         created_at, updated_at)
       VALUES (gen_random_uuid(), 'https://receiver.example/', true, true, now(), 'none', 0, 'ops', now(), now())
       RETURNING id)
     INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, payload, status, queued_at, created_at, finished_at)
     SELECT gen_random_uuid(), endpoint.id, gen_random_uuid(), 'webhook_endpoint.test', '{}', 'delivered', now(), now(), now()
     FROM endpoint`,
  );
  await database.query(
    `INSERT INTO webhook_attempts (id, delivery_id, at, duration_ms, status_code, response, with_comments, counted, order_id)
     SELECT gen_random_uuid(), d.id, now(), 1, 200, 'mine', true, true, orders.order_id
     FROM webhook_deliveries d, (SELECT CASE n WHEN 0 THEN 'elsewhere' WHEN 1 THEN NULL ELSE $2 END AS order_id
       FROM generate_series(0, $1::integer) AS n) AS orders`,
    [count, dispute.orderId],
  );
}

async function repetitions({ database }: Service) {
  const [left] = await database.query<{ answers: number; responses: number; comments: number }>(
    `SELECT (SELECT count(*)::integer FROM idempotency_keys WHERE response_body LIKE '%mine%') AS answers,
       (SELECT count(*)::integer FROM webhook_attempts WHERE response = 'mine' AND order_id IS DISTINCT FROM 'elsewhere')
         AS responses,
       (SELECT count(*)::integer FROM log_entries WHERE comment IS NOT NULL) AS comments`,
  );
  return left ?? { answers: Number.NaN, responses: Number.NaN, comments: Number.NaN };
}

test.each([0, LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT + 2])(
  'an erasure takes a comment with the last of %i answers and responses that repeat it, 4 of each in a step',
  async (count) => {
    const service = await startService();
    const dispute = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${dispute.id}/decline`, {});
    await repeatComment(service, dispute, count);
    const scope = { erasable: { userId: CLIENT, requestedAt: Date.now() }, except: [], only: null };
    const steps = [await repetitions(service)];
    expect(steps[0]).toEqual({ answers: count, responses: count, comments: 1 });
    for (let isFull = true; isFull; ) {
      const erase = (tx: Tx) => eraseComments(tx, scope, 50, eraseResponses, LIMIT);
      ({ isFull } = await withTx(service.deps.write.db, erase));
      const [before, after] = [steps.at(-1), await repetitions(service)];
      for (const what of ['answers', 'responses'] as const) {
        expect((before?.[what] ?? 0) - after[what]).toBeLessThanOrEqual(LIMIT);
      }
      if (after.comments === 0) expect([after.answers, after.responses]).toEqual([0, 0]);
      steps.push(after);
    }
    expect(steps.at(-1)).toEqual({ answers: 0, responses: 0, comments: 0 });
    const elsewhere = "SELECT FROM webhook_attempts WHERE response = 'mine'";
    expect(await service.database.query(elsewhere)).toHaveLength(1);
  },
);
