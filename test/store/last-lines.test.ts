import { beforeAll, describe, expect, test } from 'vitest';
import { type Database, withTx } from '../../src/platform/postgres/database.ts';
import { LostRaceError } from '../../src/platform/postgres/retry.ts';
import { write } from '../../src/store/write-set.ts';
import { CLIENT, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { decideAcceptance } from './acceptance.ts';

let service: Service;
let db: Database;
beforeAll(async () => {
  service = await startService();
  db = service.deps.write.db;
});

describe('if a lock should ever fail to hold others off', () => {
  test('what was decided on a version that has passed is not written, and none of it is', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const stale = await withTx(db, (tx) => decideAcceptance(tx, id));
    await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    const rows = () => service.database.query('SELECT type FROM log_entries WHERE order_id = $1', [orderId]);
    const before = await rows();
    await expect(withTx(db, (tx) => write(tx, stale))).rejects.toThrow();
    expect(await rows()).toEqual(before);
  });

  test('a write whose rows are gone is noticed by what it hit', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const stale = await withTx(db, (tx) => decideAcceptance(tx, id));
    await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Hello.' });
    // Without its log entries nothing but the counts can tell.
    await expect(withTx(db, (tx) => write(tx, { ...stale, entries: [] }))).rejects.toThrow(LostRaceError);
    const [row] = await service.database.query<{ status: string }>('SELECT status FROM disputes WHERE id = $1', [id]);
    expect(row?.status).toBe('open');
  });
});

describe('the database itself refuses', () => {
  const copy = (changes: string) =>
    `INSERT INTO disputes SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid()) || '${changes}')).*
     FROM disputes d WHERE id = $1`;

  test('a second open dispute of an order', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await expect(service.database.query(copy('{}'), [id])).rejects.toThrow('disputes_one_open_per_order');
  });

  test.each([
    ['resolved without a resolution', '{"status":"resolved"}'],
    [
      'expired by a party',
      '{"status":"resolved","resolution":"expired","resolved_by_role":"client","resolved_at":"2099-01-01"}',
    ],
  ])('a dispute that is %s', async (_name, changes) => {
    const { id } = await seedDispute(service, 'cancellation');
    await expect(service.database.query(copy(changes), [id])).rejects.toThrow('check constraint');
  });

  test.each([
    ['an answer at the deadline', `resolution = 'accepted', resolved_by_role = 'freelancer', resolved_at = respond_by`],
    [
      'silence before the deadline',
      `resolution = 'expired', resolved_by_role = 'system', resolved_at = respond_by - interval '1 ms'`,
    ],
  ])('%s', async (_name, changes) => {
    const { id } = await seedDispute(service, 'cancellation');
    const sql = `UPDATE disputes SET status = 'resolved', ${changes} WHERE id = $1`;
    await expect(service.database.query(sql, [id])).rejects.toThrow('check constraint');
  });

  test('a second entry of an order with the same version', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const again = `INSERT INTO log_entries SELECT (jsonb_populate_record(l, jsonb_build_object('id', gen_random_uuid(), 'seq', NULL))).*
      FROM log_entries l WHERE order_id = $1 AND order_version = 1`;
    await expect(service.database.query(again, [orderId])).rejects.toThrow('log_entries_pkey');
  });

  test('an order that is mutually cancelled by no dispute', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const sql = "UPDATE orders SET status = 'mutually_cancelled' WHERE id = $1";
    await expect(service.database.query(sql, [orderId])).rejects.toThrow('check constraint');
  });
});
