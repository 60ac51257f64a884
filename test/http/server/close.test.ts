import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { closeApp } from '../../../src/http/server/close.ts';
import { fetchFrom } from '../../harness/api/transport.ts';
import { createClients, TEST_SECRET } from '../../harness/client.ts';
import { anOrderReport, newOrderId } from '../../harness/seed.ts';
import { startService } from '../../harness/service.ts';
import { waitFor } from '../../harness/wait-for.ts';

const GRACE_MS = 200;

describe('an app that closes', () => {
  test.each([
    ['nothing', ''],
    ['half a request', 'GET /healthz HTTP/1.1\r\n'],
  ])('does not wait for a connection on which came %s', async (_what, sent) => {
    const { app, listen } = await startService();
    const socket = connect(Number(new URL(await listen()).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(sent);
    const closed = once(socket, 'close');
    await closeApp(app, GRACE_MS);
    await closed;
  });

  /** A report of an order that waits for the session that has locked it. */
  async function reportThatWaits() {
    const service = await startService();
    const path = `/v1/orders/${newOrderId()}`;
    await service.withScopes('orders:write').put(path, anOrderReport());
    const { pool } = service.deps.write.db;
    const blocker = await pool.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT 1 FROM orders FOR UPDATE');
    const waits = () =>
      waitFor('the request waits for the order', async () => {
        const waiting = 'SELECT 1 FROM pg_stat_activity WHERE wait_event_type = $1 AND datname = current_database()';
        return (await service.database.query(waiting, ['Lock'])).length > 0;
      });
    const letGo = async () => {
      await blocker.query('ROLLBACK');
      blocker.release();
    };
    return { service, path, waits, letGo };
  }

  test('answers the request that is under way', async () => {
    const { service, path, waits, letGo } = await reportThatWaits();
    const { withScopes } = createClients(fetchFrom(await service.listen()));
    const answer = withScopes('orders:write').put(path, anOrderReport({ revision: 2 }));
    await waits();
    const closed = closeApp(service.app, 10_000);
    await letGo();
    expect((await answer).status).toBe(200);
    await closed;
  });

  test('answers what still comes on a connection as ever, and closes it', async () => {
    const { service, path, waits, letGo } = await reportThatWaits();
    const socket = connect(Number(new URL(await service.listen()).port), '127.0.0.1');
    const answers = text(socket);
    const authorization = `Authorization: Bearer ${await mintToken(TEST_SECRET, { sub: 'backend', scope: 'orders:write' })}`;
    const body = JSON.stringify(anOrderReport({ revision: 2 }));
    const type = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: a\r\n${authorization}\r\n${type}\r\n\r\n${body}`);
    await waits();
    const closed = closeApp(service.app, 10_000);
    socket.write('GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n');
    await letGo();
    await closed;
    const [, first, second] = (await answers).split('HTTP/1.1 ');
    expect(first).toMatch(/^200 /);
    expect(second).toMatch(/^404 .*connection: close.*"code":"not_found"/is);
  });
});
