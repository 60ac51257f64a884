import pg from 'pg';
import { CLIENT } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';
import { waitFor } from '../harness/wait-for.ts';
import { LOCAL } from '../webhooks/endpoints.ts';
import { NEW_ORDER } from './parties.ts';
import type { Stage } from './stage.ts';

const path = { orderId: 'order-1004' };
const UPDATE = { type: 'order_update' };

/** What is refused before any rule is asked. */
export async function refuseInput({ service, recorder: { refuse }, orderService, client }: Stage) {
  await orderService.put('/v1/orders/order-1004', NEW_ORDER);
  await refuse('validation_failed', 'openDispute', client, {
    path,
    body: { type: 'cancel', coment: 'Two weeks late.' },
  });
  await refuse('malformed_json', 'openDispute', client, { path, payload: '{ "type": ' });
  await refuse('unauthenticated', 'openDispute', service.withAuthorization(null), { path, body: UPDATE });
  await refuse('forbidden', 'listEvents', client);
  await refuse('position_ahead', 'listEvents', service.withScopes('events:read'), { query: '?after=4711' });
  await refuse('not_found', 'getOrder', service.as('user-13'), { path });
  await refuse('not_acceptable', 'getOrder', client, { path, headers: { accept: 'image/png' } });
  await refuse('payload_too_large', 'openDispute', client, { path, payload: JSON.stringify('x'.repeat(2_000_000)) });
  const plain = { 'content-type': 'text/plain' };
  await refuse('unsupported_media_type', 'openDispute', client, { path, payload: 'cancel', headers: plain });
  await refuse('method_not_allowed', 'getHealth', client, { method: 'POST' });
}

/** What the rules refuse. */
export async function refuseByRule({ recorder, orderService, client, freelancer, ...stage }: Stage) {
  const { refuse } = recorder;
  await refuse('reason_required', 'openDispute', freelancer, { path, body: { type: 'cancellation' } });
  await refuse('comment_required', 'openDispute', client, { path, body: { type: 'cancellation' } });
  await refuse('reason_not_allowed', 'openDispute', client, { path, body: { ...UPDATE, reason: 'late_delivery' } });
  const past = { type: 'order_change', change: { deliverBy: '2020-01-01T00:00:00.000Z' } };
  await refuse('invalid_change', 'openDispute', freelancer, { path, body: past });
  await refuse('action_not_allowed', 'openDispute', freelancer, { path, body: UPDATE });
  const { id } = (await client.post<Dispute>('/v1/orders/order-1004/disputes', UPDATE)).body;
  await refuse('dispute_already_open', 'openDispute', client, { path, body: UPDATE });
  await refuse('not_respondent', 'provideUpdate', client, { path: { id }, body: { comment: 'Soon.' } });
  await refuse('not_opener', 'withdrawDispute', freelancer, { path: { id }, body: {} });
  const stale = { 'if-match': '"7"' };
  await refuse('version_mismatch', 'withdrawDispute', client, { path: { id }, body: {}, headers: stale });
  await stage.letHoursPass(id, 49);
  await refuse('response_window_closed', 'provideUpdate', freelancer, { path: { id }, body: { comment: 'Soon.' } });
  const { id: taken } = (await client.post<Dispute>('/v1/orders/order-1004/disputes', UPDATE)).body;
  await client.post(`/v1/disputes/${taken}/withdraw`, {});
  await refuse('dispute_not_open', 'addComment', client, { path: { id: taken }, body: { comment: 'Thank you.' } });
  const report = (over: object) => ({ path, body: { ...NEW_ORDER, ...over } });
  await refuse('stale_revision', 'reportOrder', orderService, report({ revision: 0 }));
  await refuse('parties_immutable', 'reportOrder', orderService, report({ clientId: 'user-8', revision: 2 }));
  await refuse('order_closed', 'reportOrder', orderService, {
    path: { orderId: 'order-1001' },
    body: { ...NEW_ORDER, revision: 2 },
  });
  await orderService.put('/v1/orders/order-1004', { ...NEW_ORDER, status: 'completed', revision: 2 });
  await refuse('order_not_disputable', 'openDispute', client, { path, body: UPDATE });
  await refuseOutdated({ recorder, orderService, client, freelancer });
  await refuseByBounds({ ...stage, recorder, orderService, client, freelancer });
  await refuseNotices({ ...stage, recorder, orderService, client, freelancer });
}

/** What is refused of what a mail service says. */
async function refuseNotices({ service, recorder: { refuse }, orderService, client }: Stage): Promise<void> {
  await orderService.put('/v1/orders/order-1008', NEW_ORDER);
  const { id } = (await client.post<Dispute>('/v1/orders/order-1008/disputes', UPDATE)).body;
  const mailer = service.withScopes('notices:write');
  const notice = { role: 'freelancer', channel: 'email', deliveredAt: new Date().toISOString() };
  for (let n = 0; n < 10; n += 1) await mailer.post(`/v1/disputes/${id}/notices`, { ...notice, channel: `app-${n}` });
  await refuse('notice_limit_reached', 'recordNotice', mailer, { path: { id }, body: notice });
}

/** What is refused since an order, a dispute or the deployment has as much of it as it may have. */
async function refuseByBounds({ service, recorder: { refuse }, orderService, client }: Stage): Promise<void> {
  const path = { orderId: 'order-1007' };
  await orderService.put('/v1/orders/order-1007', NEW_ORDER);
  const { id } = (await client.post<Dispute>('/v1/orders/order-1007/disputes', UPDATE)).body;
  await service.database.query('UPDATE disputes SET comment_count = 200 WHERE id = $1', [id]);
  await refuse('comment_limit_reached', 'addComment', client, {
    path: { id },
    body: { comment: 'And another thing.' },
  });
  await client.post(`/v1/disputes/${id}/withdraw`, {});
  await service.database.query(
    `UPDATE orders SET declines = jsonb_build_array(jsonb_build_object('role', 'client', 'type', 'order_update',
       'at', floor(extract(epoch FROM now()) * 1000) + 86400000)) WHERE id = 'order-1007'`,
  );
  await refuse('cooldown_active', 'openDispute', client, { path, body: UPDATE });
  await service.database.query(`UPDATE orders SET declines = '[]' WHERE id = 'order-1007'`);
  for (let n = 0; n < 9; n += 1) {
    const again = (await client.post<Dispute>('/v1/orders/order-1007/disputes', UPDATE)).body;
    await client.post(`/v1/disputes/${again.id}/withdraw`, {});
  }
  await refuse('dispute_limit_reached', 'openDispute', client, { path, body: UPDATE });
  await service.database.query(
    `INSERT INTO webhook_endpoints (id, url, include_comments, active, active_since, secret, position, created_by, created_at,
       updated_at)
     SELECT gen_random_uuid(), 'https://hooks.example/full', false, true, now(), 'none', 0, 'full', now(), now()
     FROM generate_series(1, 100)`,
  );
  const manager = service.withScopes('webhooks:manage');
  const body = { url: 'https://hooks.example/orders' };
  await refuse('endpoint_limit_reached', 'createWebhookEndpoint', manager, { body });
  await service.database.query(`DELETE FROM webhook_endpoints WHERE created_by = 'full'`);
}

/** A request for more time on an order that was given more than that before it was accepted. */
async function refuseOutdated({
  recorder,
  ...stage
}: Pick<Stage, 'recorder' | 'orderService' | 'client' | 'freelancer'>) {
  const order = '/v1/orders/order-1006';
  await stage.orderService.put(order, NEW_ORDER);
  const body = { type: 'order_change', change: { deliverBy: '2036-12-05T17:00:00.000Z' } };
  const { id } = (await stage.freelancer.post<Dispute>(`${order}/disputes`, body)).body;
  await stage.orderService.put(order, { ...NEW_ORDER, deliverBy: '2036-12-20T17:00:00.000Z', revision: 2 });
  await recorder.refuse('change_outdated', 'acceptDispute', stage.client, { path: { id }, body: {} });
}

/** What is refused because of other requests. */
export async function refuseByLoad({ service, recorder: { refuse }, orderService, client }: Stage) {
  await orderService.put('/v1/orders/order-1005', NEW_ORDER);
  const call = { path: { orderId: 'order-1005' }, body: UPDATE, headers: { 'idempotency-key': 'open-1005' } };
  const blocker = new pg.Client({ connectionString: service.database.url });
  await blocker.connect();
  await blocker.query(`BEGIN; SELECT FROM orders WHERE id = 'order-1005' FOR UPDATE`);
  const blocked = refuse('unavailable', 'openDispute', client, call);
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1`;
  await waitFor('the first request waits', async () => {
    return (await service.database.query(waiting, [service.database.name])).length > 0;
  });
  await refuse('idempotency_key_in_use', 'openDispute', client, call);
  await blocked;
  await blocker.end();
  await client.post('/v1/orders/order-1005/disputes', UPDATE, { 'idempotency-key': 'open-1005' });
  await refuse('idempotency_key_reused', 'openDispute', client, {
    ...call,
    body: { ...UPDATE, comment: 'How is it going?' },
  });
  const limited = await startService({ env: { ...LOCAL, RATE_LIMIT_PER_MINUTE: '1' }, database: service.database });
  const ask = () => limited.as(CLIENT).get('/v1/reasons');
  // A minute may end between two of them.
  await ask();
  const isFull = (await ask()).status === 429;
  if (!isFull) await ask();
  await refuse('rate_limited', 'listReasons', limited.as(CLIENT));
}
