import { beforeAll, describe, expect, test } from 'vitest';
import { sequenceLog } from '../../../src/application/feed/feed.ts';
import { LIMITS } from '../../../src/domain/rules.ts';
import { PAGE_BYTES } from '../../../src/http/endpoint/pages.ts';
import { presentWebhook } from '../../../src/http/present/events.ts';
import { readFeed } from '../../../src/store/feed.ts';
import { openStream } from '../../harness/api/event-stream.ts';
import { CLIENT, FREELANCER, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute } from '../../harness/types.ts';

/** The most that one event, one kept answer or one payload may have: a page has room for several of the largest. */
const ITEM_BYTES = PAGE_BYTES / 10;

/** A character of four bytes in UTF-8, of which JSON needs no escape. */
const wide = (length: number) => '\u{1F600}'.repeat(length);
const extras = (count: number) =>
  Array.from({ length: count }, () => ({
    title: wide(LIMITS.titleLength),
    price: { amount: LIMITS.amount, currency: 'USD' },
  }));
const bytes = (text: string): number => Buffer.byteLength(text);

let service: Service;
let url: string;
let dispute: Dispute;

// An order with a long title and as many extras as it may have but for the last change, on which as much as possible is
// asked for, said and answered.
beforeAll(async () => {
  service = await startService();
  url = await service.listen();
  const { id: orderId } = await seedOrder(service, { title: wide(LIMITS.titleLength), deliverBy: null });
  await service.database.query('UPDATE orders SET extras = $2::jsonb WHERE id = $1', [
    orderId,
    JSON.stringify(extras(LIMITS.orderExtras - LIMITS.extras)),
  ]);
  const body = {
    type: 'order_change',
    comment: wide(LIMITS.commentLength),
    change: { deliverBy: '2031-12-05T17:00:00.000Z', extras: extras(LIMITS.extras) },
  };
  const key = { 'idempotency-key': 'largest-opening' };
  dispute = (await service.as(FREELANCER).post<Dispute>(`/v1/orders/${orderId}/disputes`, body, key)).body;
  const said = { comment: wide(LIMITS.commentLength) };
  const at = `/v1/disputes/${dispute.id}`;
  await service.as(CLIENT).post(`${at}/comments`, said, { 'idempotency-key': 'largest-first-comment' });
  await service.database.query('UPDATE disputes SET comment_count = $2 WHERE id = $1', [
    dispute.id,
    LIMITS.comments - 1,
  ]);
  await service.as(CLIENT).post(`${at}/comments`, said, { 'idempotency-key': 'largest-last-comment' });
  await service.as(CLIENT).post(`${at}/accept`, said, { 'idempotency-key': 'largest-answer' });
  await sequenceLog(service.deps.write.db);
});

const kept = async () =>
  await service.database.query<{ key: string; bytes: number }>(
    'SELECT key, octet_length(response_body) AS bytes FROM idempotency_keys ORDER BY created_at',
  );
const rows = async () => (await readFeed(service.deps.write.db, { after: 0, limit: 100 })).rows;

describe('the largest dispute that there can be', () => {
  test('makes kept answers that are bounded in bytes, and the last comment none that is larger than the first', async () => {
    const answers = await kept();
    expect(answers.map(({ key }) => key)).toEqual([
      'largest-opening',
      'largest-first-comment',
      'largest-last-comment',
      'largest-answer',
    ]);
    for (const answer of answers) expect(answer.bytes).toBeLessThan(ITEM_BYTES);
    const [, first, last] = answers;
    expect(Math.abs((last?.bytes ?? 0) - (first?.bytes ?? 0))).toBeLessThan(500);
  });

  test('makes webhook payloads that are bounded in bytes, with what people wrote in them', async () => {
    const payloads = (await rows()).map((row) => JSON.stringify(presentWebhook(row, true)));
    // It was meant to be large: a comment alone has 16,000 bytes.
    expect(Math.max(...payloads.map(bytes))).toBeGreaterThan(4 * LIMITS.commentLength);
    for (const payload of payloads) expect(bytes(payload)).toBeLessThan(ITEM_BYTES);
  });

  test('makes entries of the log that repeat neither the extras of the order nor what was written', async () => {
    const entries = await service.database.query<{ type: string; bytes: number; data: string }>(
      'SELECT type, octet_length(data::text) AS bytes, data::text AS data FROM log_entries ORDER BY seq',
    );
    expect(entries.length).toBeGreaterThan(5);
    for (const entry of entries) {
      expect(entry.bytes).toBeLessThan(ITEM_BYTES / 2);
      expect(entry.data).not.toContain(wide(LIMITS.titleLength + 1));
    }
  });

  test('makes messages of a stream that are bounded in bytes', async () => {
    const stream = await openStream(url, dispute.orderId, { sub: CLIENT, query: '?after=0' });
    const count = (await rows()).length;
    for (let n = 0; n < count; ) {
      const message = await stream.part();
      if (message?.id !== undefined && message.event !== 'ready') n += 1;
      expect(bytes(JSON.stringify(message))).toBeLessThan(ITEM_BYTES);
    }
    stream.hangUp();
  });

  test.each([
    ['the order', () => `/v1/orders/${dispute.orderId}`],
    ['the resolution center', () => `/v1/orders/${dispute.orderId}/resolution-center`],
    ['the dispute', () => `/v1/disputes/${dispute.id}`],
    ['the timeline', () => `/v1/disputes/${dispute.id}/timeline`],
    ['the list', () => '/v1/disputes'],
  ])('is shown within the bound of a page: %s', async (_, path) => {
    const { status, text } = await service.as(CLIENT).get(path());
    expect(status).toBe(200);
    expect(bytes(text)).toBeLessThan(PAGE_BYTES);
  });
});
