import { afterEach, beforeAll, expect, test } from 'vitest';
import { sequenceLog } from '../../src/application/feed/feed.ts';
import { createEncryption } from '../../src/platform/encryption.ts';
import { withTx } from '../../src/platform/postgres/database.ts';
import { reviseDeliveries } from '../../src/webhooks/changes.ts';
import { fanOut } from '../../src/webhooks/deliver.ts';
import { reencryptSecrets } from '../../src/webhooks/reencrypt.ts';
import { purgeRemoved } from '../../src/webhooks/store/deliveries.ts';
import { appendEntries } from '../harness/log-entries.ts';
import { seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { type EndpointWithSecret, LOCAL, manager } from './endpoints.ts';

const LIMIT = 4;
const COUNTS = [LIMIT - 1, LIMIT, LIMIT + 1, 5 * LIMIT + 2];

let service: Service;
beforeAll(async () => {
  service = await startService({ env: LOCAL });
});
afterEach(async () => {
  await service.database.query('DELETE FROM webhook_endpoints');
});

const addEndpoint = async () =>
  (await manager(service).post<EndpointWithSecret>('/v1/webhook-endpoints', { url: 'http://127.0.0.1:9/' })).body;

/** An endpoint with so many deliveries that no worker sends, in two lines. */
async function endpointWith(count: number): Promise<EndpointWithSecret> {
  const orders = [await seedDispute(service, 'cancellation'), await seedDispute(service, 'cancellation')];
  const { db, newId } = service.deps.write;
  await sequenceLog(db);
  const endpoint = await addEndpoint();
  for (const [n, { orderId }] of orders.entries()) {
    await appendEntries(service.database, orderId, Math.floor((count + n) / orders.length));
  }
  await fanOut({ db, newId, log: service.log.log });
  expect(await idsOf(endpoint)).toHaveLength(count);
  return endpoint;
}

async function idsOf({ id }: Pick<EndpointWithSecret, 'id'>, condition = 'true'): Promise<string[]> {
  const rows = await service.database.query<{ id: string }>(
    `SELECT id FROM webhook_deliveries WHERE endpoint_id = $1 AND ${condition} ORDER BY id`,
    [id],
  );
  return rows.map((row) => row.id);
}

test.each(COUNTS)('a change of an endpoint revises each of %i deliveries once, in steps of 4', async (count) => {
  const endpoint = await endpointWith(count);
  const ids = await idsOf(endpoint);
  await manager(service).patch(`/v1/webhook-endpoints/${endpoint.id}`, { types: ['dispute.accepted'] });
  const steps: string[][] = [];
  for (let behind = '', hasMore = true; hasMore; ) {
    hasMore = await reviseDeliveries(service.deps.write.db, LIMIT);
    const [row] = await service.database.query<{ at: string | null }>(
      'SELECT revise_after AS at FROM webhook_endpoints WHERE id = $1',
      [endpoint.id],
    );
    const until = row?.at ?? ids.at(-1) ?? '';
    steps.push(ids.filter((id) => id > behind && id <= until));
    behind = until;
    expect(await idsOf(endpoint, "status IN ('waiting', 'pending')")).toEqual(ids.filter((id) => id > until));
  }
  expect(steps.flat()).toEqual(ids);
  expect(steps.every(({ length }) => length <= LIMIT)).toBe(true);
  expect(await idsOf(endpoint, "status = 'skipped'")).toEqual(ids);
  expect(await reviseDeliveries(service.deps.write.db, LIMIT)).toBe(false);
});

test.each(COUNTS)('of a removed endpoint each of %i deliveries is deleted, 4 in a step', async (count) => {
  const endpoint = await endpointWith(count);
  const other = await addEndpoint();
  await service.database.query(`UPDATE webhook_deliveries SET endpoint_id = $2 WHERE id = $1`, [
    (await idsOf(endpoint)).at(-1),
    other.id,
  ]);
  await manager(service).delete(`/v1/webhook-endpoints/${endpoint.id}`);
  const step = () => withTx(service.deps.write.db, (tx) => purgeRemoved(tx, LIMIT));
  const left = [count - 1];
  while (await step()) left.push((await idsOf(endpoint)).length);
  expect(left.every((size, index) => size === Math.max(0, count - 1 - index * LIMIT))).toBe(true);
  expect(left.at(-1)).toBe(0);
  expect(await idsOf(other)).toHaveLength(1);
  expect(await service.database.query('SELECT FROM webhook_endpoints_removed')).toEqual([]);
});

test.each([LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT, 2 * LIMIT + 1])(
  'the secrets of each of %i endpoints are encrypted anew once, read in pages of 4',
  async (count) => {
    const secrets = new Map<string, string>();
    for (let n = 0; n < count; n += 1) {
      const { id, secret } = await addEndpoint();
      secrets.set(id, secret);
    }
    const next = Buffer.alloc(32, 'the next key');
    const before = service.config.WEBHOOK_ENCRYPTION_KEY ?? [];
    const done = await reencryptSecrets(service.deps.write.db, createEncryption([next, ...before]), LIMIT);
    expect(done).toEqual({ reencrypted: count, unreadable: [] });
    const { decrypt } = createEncryption([next]);
    const stored = await service.database.query<{ id: string; secret: string }>(
      'SELECT id, secret FROM webhook_endpoints',
    );
    expect(new Map(stored.map(({ id, secret }) => [id, decrypt(secret, id)]))).toEqual(secrets);
  },
);
