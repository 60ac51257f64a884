import { beforeAll, describe, expect, test } from 'vitest';
import { withTx } from '../../src/platform/postgres/database.ts';
import { forgetOldKeys, reserveKeys } from '../../src/store/idempotency.ts';
import { letTimePass } from '../harness/database.ts';
import { CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const HOUR = 3_600_000;
const key = (value: string) => ({ 'idempotency-key': value });

describe('the same key with the same request', () => {
  test('gives an answer again that was in time, also after the deadline', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const first = await service
      .as(FREELANCER)
      .post<Dispute>(`/v1/disputes/${id}/accept`, { comment: 'Yes.' }, key('late'));
    await letTimePass(service.database, id, 50 * HOUR);
    const again = await service
      .as(FREELANCER)
      .post<Dispute>(`/v1/disputes/${id}/accept`, { comment: 'Yes.' }, key('late'));
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.text).toBe(first.text);
    expect(again.headers['etag']).toBe(first.headers['etag']);
    expect(again.headers['idempotency-replayed']).toBe('true');
  });

  test('gives a refusal again, also when the reason for it is gone', async () => {
    const { id: orderId } = await seedOrder(service);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    const path = `/v1/orders/${orderId}/disputes`;
    const refused = await service.as(CLIENT).post(path, REQUESTS.order_update, key('refused'));
    await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    const again = await service.as(CLIENT).post(path, REQUESTS.order_update, key('refused'));
    expect(again).toMatchObject({ status: 409, code: 'dispute_already_open', text: refused.text });
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect((await service.as(CLIENT).post(path, REQUESTS.order_update, key('a new one'))).status).toBe(201);
  });

  test('is a new request when the input was refused before anything was decided', async () => {
    const { id: orderId } = await seedOrder(service);
    const path = `/v1/orders/${orderId}/disputes`;
    expect((await service.as(CLIENT).post(path, { type: 'nonsense' }, key('mended'))).status).toBe(400);
    expect((await service.as(CLIENT).post(path, REQUESTS.order_update, key('mended'))).status).toBe(201);
  });

  test('is forgotten after 24 hours', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Hello.' }, key('old'));
    await service.database.query(
      "UPDATE idempotency_keys SET created_at = created_at - interval '24 hours' WHERE key = 'old'",
    );
    const again = await service
      .as(CLIENT)
      .post<Dispute>(`/v1/disputes/${id}/comments`, { comment: 'Hello.' }, key('old'));
    expect(again.headers['idempotency-replayed']).toBeUndefined();
    expect(again.body.version).toBe(3);
    await service.database.query(
      "UPDATE idempotency_keys SET created_at = created_at - interval '24 hours' WHERE key = 'old'",
    );
    await withTx(service.deps.write.db, (tx) => forgetOldKeys(tx, 100));
    expect(await service.database.query("SELECT 1 FROM idempotency_keys WHERE key = 'old'")).toEqual([]);
  });
});

describe('the same key with another request', () => {
  test.each([
    ['another body', (id: string) => [`/v1/disputes/${id}/comments`, { comment: 'Other.' }] as const],
    ['another path', (id: string) => [`/v1/disputes/${id}/withdraw`, { comment: 'Hello.' }] as const],
  ])('is refused: %s', async (name, other) => {
    const { id } = await seedDispute(service, 'cancellation');
    await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Hello.' }, key(name));
    const [path, body] = other(id);
    expect(await service.as(CLIENT).post(path, body, key(name))).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    });
  });

  test('belongs to its caller alone', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Mine.' }, key('shared'));
    const other = await service
      .as(FREELANCER)
      .post<Dispute>(`/v1/disputes/${id}/comments`, { comment: 'Yours.' }, key('shared'));
    expect(other.status).toBe(200);
    const stranger = await service
      .as('user-1')
      .post(`/v1/disputes/${id}/comments`, { comment: 'Mine.' }, key('shared'));
    expect(stranger).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('is in use for its caller alone while its request runs', async () => {
    const { db } = service.deps.write;
    const of = (caller: string) => ({ caller, key: 'at once', fingerprint: 'f' });
    const reserved = await withTx(db, async (tx) => [
      ...(await reserveKeys(tx, [of('user:a')])),
      ...(await withTx(db, (other) => reserveKeys(other, [of('user:b'), of('user:a')]))),
    ]);
    expect(reserved.map(({ state }) => state)).toEqual(['new', 'new', 'in_use']);
  });
});

test.each([
  ['empty', ''],
  ['too long', 'k'.repeat(256)],
])('a key that is %s is refused', async (_name, value) => {
  const { id } = await seedDispute(service, 'cancellation');
  const refused = await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Hello.' }, key(value));
  expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
});
