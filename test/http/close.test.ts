import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { closeApp } from '../../src/http/close.ts';
import { createClients } from '../harness/client.ts';
import { anOrderReport, newOrderId } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import { fetchFrom } from '../harness/transport.ts';
import { waitFor } from '../harness/wait-for.ts';

const GRACE_MS = 200;

describe('an app that closes', () => {
  test.each([
    ['nothing', ''],
    ['half a request', 'GET /healthz HTTP/1.1\r\n'],
  ])('does not wait for a connection on which came %s', async (_what, text) => {
    const { app, listen } = await startService();
    const socket = connect(Number(new URL(await listen()).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(text);
    const closed = once(socket, 'close');
    await closeApp(app, GRACE_MS);
    await closed;
  });

  test('answers the request that is under way', async () => {
    const service = await startService();
    const path = `/v1/orders/${newOrderId()}`;
    await service.withScopes('orders:write').put(path, anOrderReport());
    const { withScopes } = createClients(fetchFrom(await service.listen()));

    const { pool } = service.deps.write.db;
    const blocker = await pool.connect();
    await blocker.query('BEGIN');
    await blocker.query('SELECT 1 FROM orders FOR UPDATE');
    const answer = withScopes('orders:write').put(path, anOrderReport({ revision: 2 }));
    await waitFor('the request waits for the order', async () => {
      const waiting = 'SELECT 1 FROM pg_stat_activity WHERE wait_event_type = $1 AND datname = current_database()';
      return (await service.database.query(waiting, ['Lock'])).length > 0;
    });
    const closed = closeApp(service.app, 10_000);
    await blocker.query('ROLLBACK');
    blocker.release();
    expect((await answer).status).toBe(200);
    await closed;
  });
});
