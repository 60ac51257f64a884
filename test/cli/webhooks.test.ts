import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { createEncryption } from '../../src/platform/encryption.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { type Endpoint, LOCAL, settledDeliveries, subscribe } from '../webhooks/endpoints.ts';
import { startReceiver } from '../webhooks/receiver.ts';
import { commandsFor, rowsOf } from './command.ts';

const NOWHERE = '0198c5a0-0000-7000-8000-000000000000';

let service: Service;
let endpoint: Endpoint;
let ops: ReturnType<typeof commandsFor>;

beforeAll(async () => {
  service = await startService({ role: 'all', env: LOCAL });
  ops = commandsFor(await service.listen());
  const receiver = await startReceiver();
  endpoint = await subscribe(service, receiver, { types: ['dispute.opened'] });
  await seedDispute(service, 'cancellation');
  await settledDeliveries(service, endpoint.id, 1);
});

test('endpoints are listed', async () => {
  const { code, out } = await ops(['webhooks', 'list']);
  expect([code, rowsOf(out)[1]]).toEqual([
    0,
    [endpoint.id, endpoint.url, 'active', 'dispute.opened', '-', endpoint.createdAt],
  ]);
});

test('deliveries are listed with what came of the last attempt, and sent once more', async () => {
  const { code, out } = await ops(['webhooks', 'deliveries', endpoint.id, '--status', 'delivered']);
  const row = rowsOf(out)[1] ?? [];
  expect([code, row.slice(2)]).toEqual([
    0,
    ['dispute.opened', expect.stringMatching(/^order-/), 'delivered', '1', expect.stringMatching(/^20\d$/), '-'],
  ]);
  const again = await ops(['webhooks', 'redeliver', row[0] ?? '', '--json']);
  expect([again.code, JSON.parse(again.out)]).toMatchObject([0, { id: row[0], status: 'pending' }]);
  await settledDeliveries(service, endpoint.id, 1);
  const twice = JSON.parse((await ops(['webhooks', 'deliveries', endpoint.id, '--json'])).out);
  expect(twice).toMatchObject([{ id: row[0], status: 'delivered', attempts: [{}, {}] }]);
  expect((await ops(['webhooks', 'deliveries', endpoint.id, '--status', 'failed'])).out).toBe('none\n');
});

test('what is not there, or not known, ends with 1', async () => {
  for (const argv of [
    ['deliveries', NOWHERE],
    ['redeliver', NOWHERE],
    ['deliveries', endpoint.id, '--status', 'lost'],
  ]) {
    expect((await ops(['webhooks', ...argv])).code).toBe(1);
  }
});

test('a request whose answer gets lost is sent once more, under the same key', async () => {
  const asked: Pick<IncomingMessage, 'method' | 'headers'>[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    if (asked.length === 1) return void request.socket.destroy();
    response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify({ id: NOWHERE }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await ops(['webhooks', 'redeliver', NOWHERE, '--url', url])).code).toBe(0);
  expect(asked.map(({ method }) => method)).toEqual(['POST', 'POST']);
  const [first, second] = asked.map(({ headers }) => headers['idempotency-key']);
  expect(first).toMatch(/^[0-9a-f-]{36}$/);
  expect(second).toBe(first);
});

test('secrets are encrypted by the first of the keys, and the others can be dropped', async () => {
  const { database, config } = service;
  const keyInForce = config.WEBHOOK_ENCRYPTION_KEY?.[0].toString('base64') ?? '';
  const next = Buffer.alloc(32, 'the next key').toString('base64');
  const reencrypt = (...keys: string[]) =>
    ops(['webhooks', 'reencrypt', '--json'], {
      env: { DATABASE_URL: database.url, WEBHOOK_ENCRYPTION_KEY: keys.join(',') },
    });
  const secretWith = async (key: string, column = 'secret') => {
    const [row] = await database.query<{ secret: string | null }>(
      `SELECT ${column} AS secret FROM webhook_endpoints WHERE id = $1`,
      [endpoint.id],
    );
    const secret = row?.secret ?? null;
    return secret === null ? null : createEncryption([Buffer.from(key, 'base64')]).decrypt(secret, endpoint.id);
  };
  const keepPrevious = (until: string) =>
    database.query(
      `UPDATE webhook_endpoints SET previous_secret = secret, previous_secret_until = now() + $1::interval`,
      [until],
    );
  const secret = await secretWith(keyInForce);
  const wrong = await reencrypt(next);
  expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining(endpoint.id)]);
  expect(wrong.err).toContain('add the key that encrypted them');
  await database.query(
    `UPDATE webhook_endpoints SET previous_secret = 'bm8=', previous_secret_until = now() + interval '1 hour'`,
  );
  expect((await reencrypt(keyInForce)).code).toBe(0);
  await expect(secretWith(keyInForce, 'previous_secret')).rejects.toThrow('cannot be decrypted');
  await keepPrevious('1 hour');
  const right = await reencrypt(next, keyInForce);
  expect([right.code, JSON.parse(right.out)]).toEqual([0, { reencrypted: 1, unreadable: [] }]);
  expect(await secretWith(next)).toBe(secret);
  expect(await secretWith(next, 'previous_secret')).toBe(secret);
  await keepPrevious('-1 second');
  await expect(secretWith(keyInForce)).rejects.toThrow('cannot be decrypted');
  expect((await reencrypt(keyInForce, next)).code).toBe(0);
  expect(await secretWith(keyInForce)).toBe(secret);
  expect(await secretWith(keyInForce, 'previous_secret')).toBeNull();
  expect((await reencrypt()).err).toContain('WEBHOOK_ENCRYPTION_KEY must have the keys');
});
