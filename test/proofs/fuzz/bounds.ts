import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { ServiceProcess } from '../../harness/process.ts';
import { anOrderReport } from '../../harness/seed.ts';
import { CLIENT, type Edge, FREELANCER, type Ground, opening } from './edges.ts';

type TestDatabase = ServiceProcess['database'];

const AHEAD = '9007199254740991';
const NOTICE_CHANNELS = 10;
const BLOCKED_MS = 500;
const UPDATE = { type: 'order_update' } as const;
const EXTRA = { title: 'Source files', price: { amount: 1_500, currency: 'USD' } };

/** Orders and disputes that are full. Their rows are written: through the API it would take thousands of requests. */
export async function fullEdges({ database, client, mailer, order, open }: Ground): Promise<Edge[]> {
  const commented = await open(client, await order(), UPDATE);
  await database.query('UPDATE disputes SET comment_count = 200 WHERE id = $1', [commented]);
  const notified = await open(client, await order(), UPDATE);
  const notice = { role: 'freelancer', deliveredAt: new Date().toISOString() };
  for (let n = 0; n < NOTICE_CHANNELS; n += 1) {
    await mailer.post(`/v1/disputes/${notified}/notices`, { ...notice, channel: `channel-${n}` });
  }
  const [opened, disputed, extended] = [await order(), await order(), await order()];
  await database.query(
    `UPDATE orders SET openings = (SELECT jsonb_agg(jsonb_build_object('role', 'client', 'at',
       floor(extract(epoch FROM now()) * 1000) - n * 60000)) FROM generate_series(10, 1, -1) AS n) WHERE id = $1`,
    [opened],
  );
  await database.query('UPDATE orders SET dispute_count = 500 WHERE id = $1', [disputed]);
  await database.query(
    'UPDATE orders SET extras = (SELECT jsonb_agg($2::jsonb) FROM generate_series(1, 100)) WHERE id = $1',
    [extended, JSON.stringify(EXTRA)],
  );
  return [
    { operationId: 'addComment', caller: CLIENT, params: { id: commented }, body: { comment: 'And another thing.' } },
    {
      operationId: 'recordNotice',
      caller: 'notices:write',
      params: { id: notified },
      body: { ...notice, channel: 'one-more' },
    },
    opening(CLIENT, opened, UPDATE),
    opening(CLIENT, disputed, UPDATE),
    opening(FREELANCER, extended, { type: 'order_change', change: { extras: [EXTRA] } }),
  ];
}

const CLOCK = `INSERT INTO test_clocks (id, now, status, advanced_from, advance_to, lease, leased_until, created_by, created_at)
  VALUES ($1, now(), $2, $3, $4, $5, $6, 'edges', now())`;

/** A test clock with as many orders as it may have, and one that another process is advancing. */
export async function clockEdges(database: TestDatabase): Promise<Edge[]> {
  const [full, busy] = [randomUUID(), randomUUID()];
  await database.query(CLOCK, [full, 'ready', null, null, null, null]);
  await database.query(
    `INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
       version, created_at, updated_at, livemode, test_clock_id)
     SELECT 'edge-clock-' || n, 'user-1', 'user-3', 'in_progress', 'in_progress', 15000, 'USD', 1, 0, now(), now(), false, $1
     FROM generate_series(1, 1000) AS n`,
    [full],
  );
  const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
  await database.query(CLOCK, [busy, 'advancing', anHourAgo, inAnHour, randomUUID(), inAnHour]);
  const body = { ...anOrderReport({ clientId: CLIENT, freelancerId: FREELANCER }), testClockId: full };
  const params = { id: busy };
  return [
    { operationId: 'reportOrder', caller: 'orders:write', params: { orderId: 'edge-one-more' }, body },
    { operationId: 'advanceTestClock', caller: 'test:clocks', params, query: { wait: '0' }, body: { by: 'PT1H' } },
    { operationId: 'deleteTestClock', caller: 'test:clocks', params },
  ];
}

const ENDPOINT = `INSERT INTO webhook_endpoints (id, url, include_comments, active, active_since, secret, position, created_by,
    created_at, updated_at)
  SELECT coalesce($1, gen_random_uuid()), 'https://hooks.example/full', false, true, now(), 'none', 0, $2, now(), now()
  FROM generate_series(1, $3)`;

/** Positions beyond the end of the log, for each operation that takes one. */
export async function positionEdges(database: TestDatabase, { order }: Pick<Ground, 'order'>): Promise<Edge[]> {
  const id = randomUUID();
  await database.query(ENDPOINT, [id, 'edges', 1]);
  const query = { after: AHEAD };
  return [
    { operationId: 'listEvents', caller: 'events:read', query },
    { operationId: 'streamEvents', caller: CLIENT, query },
    { operationId: 'streamOrderEvents', caller: CLIENT, params: { orderId: await order() }, query },
    {
      operationId: 'replayWebhookEvents',
      caller: 'webhooks:manage',
      params: { id },
      body: { after: Number(AHEAD) },
    },
  ];
}

/** Sends a request while there are as many webhook endpoints as there may be. */
export async function whileEndpointsAreFull(
  database: TestDatabase,
  send: (edge: Edge) => Promise<unknown>,
): Promise<void> {
  await database.query(ENDPOINT, [null, 'full', 100]);
  await send({
    operationId: 'createWebhookEndpoint',
    caller: 'webhooks:manage',
    body: { url: 'https://hooks.example/orders' },
  });
  await database.query("DELETE FROM webhook_endpoints WHERE created_by = 'full'");
}

/** Sends a request and, while it waits for its order, the same one again with its key. */
export async function sendTwice(
  { url }: TestDatabase,
  orderId: string,
  send: (edge: Edge) => Promise<unknown>,
): Promise<void> {
  const edge = opening(CLIENT, orderId, UPDATE, { 'idempotency-key': `twice-${randomUUID()}` });
  const blocker = new pg.Client({ connectionString: url });
  await blocker.connect();
  try {
    await blocker.query('BEGIN');
    await blocker.query('SELECT FROM orders WHERE id = $1 FOR UPDATE', [orderId]);
    const sent = [send(edge), send(edge)];
    // On a starved machine no answer may come before the first request has waited for too long.
    await Promise.race([...sent, sleep(BLOCKED_MS)]);
    await blocker.query('ROLLBACK');
    await Promise.all(sent);
  } finally {
    await blocker.end();
  }
}
