import { v7 as uuidv7 } from 'uuid';
import { beforeAll, describe, expect, test } from 'vitest';
import { PAGE_BYTES } from '../../../../src/http/endpoint/pages.ts';
import type { Answer } from '../../../harness/api/answer.ts';
import { CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../../../harness/seed.ts';
import { type Service, startService } from '../../../harness/service.ts';
import type { Dispute, EventPage, Timeline } from '../../../harness/types.ts';
import { waitFor } from '../../../harness/wait-for.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

/** A dispute with so many added comments of a length, each as two parties could have written it. */
async function talk(comments: number, length: number): Promise<Dispute> {
  const dispute = await seedDispute(service, 'cancellation');
  await service.database.query(
    `INSERT INTO log_entries (order_id, order_version, id, type, occurred_at, dispute_id, actor_role, actor_id, cause, comment,
       data)
     SELECT l.order_id, 10 + n, gen_random_uuid(), 'dispute.comment_added', l.occurred_at, l.dispute_id, 'client', $2,
       'request:x', repeat('€', $4), l.data
     FROM log_entries l, generate_series(1, $3::integer) n WHERE l.dispute_id = $1 AND l.type = 'dispute.opened'`,
    [dispute.id, CLIENT, comments, length],
  );
  return dispute;
}

async function pagesOf(id: string, query: string): Promise<Timeline[]> {
  const pages: Timeline[] = [];
  for (let cursor = ''; ; ) {
    const { status, body } = await service
      .as(CLIENT)
      .get<Timeline>(`/v1/disputes/${id}/timeline?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    expect(status).toBe(200);
    pages.push(body);
    if (body.nextCursor === null) return pages;
    cursor = body.nextCursor;
  }
}

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly nextCursor: string | null;
}

const sizes = (pages: readonly { data: readonly unknown[] }[]) => pages.map(({ data }) => data.length);

describe('a timeline', () => {
  test.each([
    [9, [10]],
    [10, [10, 1]],
    [35, [10, 10, 10, 6]],
  ])(
    'of %i comments and an opening comes in pages of ten, each entry once, in sequence',
    async (comments, expected) => {
      const { id } = await talk(comments, 1);
      const pages = await pagesOf(id, 'limit=10');
      expect(sizes(pages)).toEqual(expected);
      const seqs = pages.flatMap(({ data }) => data.map(({ seq }) => seq));
      expect(seqs).toEqual(Array.from({ length: comments + 1 }, (_, index) => index + 1));
    },
  );

  test('takes a cursor of its own alone', async () => {
    const [one, other] = [await talk(2, 1), await talk(2, 1)];
    const [first] = await pagesOf(one.id, 'limit=1');
    const path = `/v1/disputes/${other.id}/timeline?cursor=${first?.nextCursor}`;
    expect(await service.as(CLIENT).get(path)).toMatchObject({ status: 400, code: 'validation_failed' });
  });
});

describe('a page is bounded in bytes, and what it leaves out comes with the next', () => {
  test('of a timeline and of the feed', async () => {
    const { id, orderId } = await talk(200, 4_000);
    const pages = await pagesOf(id, 'limit=50');
    expect(pages.length).toBeGreaterThan(2);
    expect(pages.flatMap(({ data }) => data)).toHaveLength(201);
    for (const page of pages) expect(JSON.stringify(page).length).toBeLessThan(PAGE_BYTES + 1_000);

    const reader = service.withScopes('events:read', 'comments:read');
    const seen: number[] = [];
    for (let after = 0, more = true; more; ) {
      const path = `/v1/events?orderId=${orderId}&limit=500&after=${after}`;
      const { body, text } = await reader.get<EventPage>(path);
      expect(Buffer.byteLength(text)).toBeLessThan(PAGE_BYTES + 1_000);
      seen.push(...body.data.map(({ seq }) => seq));
      more = body.data.length > 0;
      after = body.nextAfter;
    }
    const [{ count } = { count: 0 }] = await service.database.query<{ count: number }>(
      'SELECT count(*)::integer AS count FROM log_entries WHERE order_id = $1',
      [orderId],
    );
    expect([seen.length, new Set(seen).size]).toEqual([count, count]);
  });

  test('of deliveries with what receivers answered', async () => {
    const [endpointId, count] = [uuidv7(), 100];
    await service.database.query(
      `INSERT INTO webhook_endpoints (id, url, include_comments, active, active_since, secret, position, created_by,
         created_at, updated_at)
       VALUES ($1, 'https://receiver.example/', false, true, clock_timestamp(), 'none', 0, 'ops', clock_timestamp(),
         clock_timestamp())`,
      [endpointId],
    );
    await service.database.query(
      `WITH made AS (
         INSERT INTO webhook_deliveries (id, endpoint_id, message_id, type, payload, status, queued_at, created_at,
           finished_at)
         SELECT gen_random_uuid(), $1, gen_random_uuid(), 'webhook_endpoint.test', '{}', 'failed', at, at, at
         FROM (SELECT clock_timestamp() AS at FROM generate_series(1, $2::integer)) AS times RETURNING id)
       INSERT INTO webhook_attempts (id, delivery_id, at, duration_ms, status_code, response, with_comments)
       SELECT gen_random_uuid(), id, clock_timestamp(), 1, 500, repeat('€', 1000), false
       FROM made, generate_series(1, 10)`,
      [endpointId, count],
    );
    const seen: string[] = [];
    let pages = 0;
    for (let cursor: string | null = ''; cursor !== null; pages += 1) {
      const path = `/v1/webhook-endpoints/${endpointId}/deliveries?limit=100${cursor && `&cursor=${cursor}`}`;
      const answer: Answer<Page> = await service.withScopes('webhooks:manage').get<Page>(path);
      expect(Buffer.byteLength(answer.text)).toBeLessThan(PAGE_BYTES + 1_000);
      seen.push(...answer.body.data.map(({ id }) => id));
      cursor = answer.body.nextCursor;
    }
    expect(pages).toBeGreaterThan(2);
    expect([seen.length, new Set(seen).size]).toEqual([count, count]);
  });

  test('of a list', async () => {
    const sub = 'a-client-with-much-to-say';
    for (let n = 0; n < 100; n += 1) {
      const order = await seedOrder(service, { clientId: sub, freelancerId: FREELANCER });
      const body = { ...REQUESTS.cancellation, comment: '€'.repeat(4_000) };
      // On a machine with much else to do one may be 503, which says to try again.
      const open = () => service.as(sub).post(`/v1/orders/${order.id}/disputes`, body, { 'idempotency-key': order.id });
      await waitFor('the dispute is opened', async () => (await open()).status === 201);
    }
    const seen: string[] = [];
    let pages = 0;
    for (let cursor = ''; ; pages += 1) {
      const path = `/v1/disputes?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { body, text } = await service.as(sub).get<{ data: Dispute[]; nextCursor: string | null }>(path);
      expect(Buffer.byteLength(text)).toBeLessThan(PAGE_BYTES + 1_000);
      seen.push(...body.data.map(({ id }) => id));
      if (body.nextCursor === null) break;
      cursor = body.nextCursor;
    }
    expect(pages).toBeGreaterThan(0);
    expect([seen.length, new Set(seen).size]).toEqual([100, 100]);
  });
});
