import type { z } from 'zod';
import type * as ops from '../../src/http/schemas/ops.ts';
import { anOrderReport, CLIENT, seedDispute } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { listWorker } from '../harness/workers.ts';
import type { Delivery, EndpointWithSecret } from '../webhooks/endpoints.ts';
import { LOCAL } from '../webhooks/endpoints.ts';
import { startReceiver } from '../webhooks/receiver.ts';
import type { Stage } from './stage.ts';

const PUBLIC_URL = 'https://mail.example/hooks/resolution-center';

/** An endpoint from its creation to its end, with one message that it takes. It goes before all orders: no event is sent. */
export async function manageWebhooks({ service, recorder: { succeed, replace } }: Stage) {
  const manager = service.withScopes('webhooks:manage');
  const receiver = await startReceiver();
  replace(receiver.url, PUBLIC_URL);
  const create = 'createWebhookEndpoint';
  const created = await succeed<EndpointWithSecret>(create, manager, { body: { url: receiver.url } }, [
    'all_events',
    'An endpoint for all events',
  ]);
  receiver.secrets.push(created.secret);
  const path = { id: created.id };
  await succeed('listWebhookEndpoints', manager, {}, ['one', 'One endpoint']);
  await succeed('getWebhookEndpoint', manager, { path }, ['active', 'An endpoint that is active']);
  const change = { types: ['dispute.opened', 'dispute.expired'], description: 'Sends people their mail.' };
  await succeed('updateWebhookEndpoint', manager, { path, body: change }, [
    'some_types',
    'Only some types from now on',
  ]);
  const test = await succeed<Delivery>('testWebhookEndpoint', manager, { path }, [
    'pending',
    'A test that is under way',
  ]);
  const worker = await startService({ role: 'worker', env: LOCAL, database: service.database });
  const delivery = { path: { id: test.id } };
  await waitFor('the test is delivered', async () => {
    return (await succeed<Delivery>('getWebhookDelivery', manager, delivery)).status === 'delivered';
  });
  await worker.close();
  await succeed('getWebhookDelivery', manager, delivery, ['delivered', 'A message that was taken']);
  await succeed('listWebhookDeliveries', manager, { path }, ['delivered', 'One message that was taken']);
  await succeed('redeliverWebhook', manager, delivery, ['again', 'A message that will be sent again']);
  const rotation = { keepPreviousFor: 'PT24H' };
  await succeed('rotateWebhookSecret', manager, { path, body: rotation }, ['with_overlap', 'Both secrets for a day']);
  await succeed('replayWebhookEvents', manager, { path, body: { after: 0 } }, ['everything', 'From the beginning']);
  await succeed('deleteWebhookEndpoint', manager, { path }, ['deleted', 'An endpoint that is gone']);
}

/** What other services and operators read. */
export async function readAsAService({ service, recorder: { succeed } }: Stage) {
  await succeed('listEvents', service.withScopes('events:read'), { query: '?limit=2' }, [
    'first_page',
    'The first two',
  ]);
  const analyst = service.withScopes('disputes:read');
  await succeed('getStatistics', analyst, {}, ['by_type', 'The last thirty days, by type']);
  const csv = { headers: { accept: 'text/csv' } };
  await succeed('getStatistics', analyst, csv, ['by_type', 'The last thirty days, by type']);
  const anonymous = service.withAuthorization(null);
  await listWorker(service.database);
  await succeed('getHealth', anonymous, {}, ['alive', 'Alive']);
  await succeed('getReadiness', anonymous, {}, ['ready', 'Ready']);
}

/** The deliveries of an order: those of a new one, since there was no endpoint before. */
async function readDeliveries({ service, recorder: { succeed, replace } }: Stage) {
  const receiver = await startReceiver();
  replace(receiver.url, PUBLIC_URL);
  const manager = service.withScopes('webhooks:manage');
  const body = { url: receiver.url, types: ['dispute.opened'] };
  const endpoint = (await manager.post<EndpointWithSecret>('/v1/webhook-endpoints', body)).body;
  receiver.secrets.push(endpoint.secret);
  const orderId = 'order-1009';
  await service.withScopes('orders:write').put(`/v1/orders/${orderId}`, anOrderReport());
  await seedDispute(service, 'cancellation', { orderId });
  const worker = await startService({ role: 'worker', env: LOCAL, database: service.database });
  const operator = service.withScopes('ops');
  await waitFor('the event is delivered', async () => {
    const { body: page } = await operator.get<{ data: Delivery[] }>(`/v1/ops/orders/${orderId}/deliveries`);
    return page.data[0]?.status === 'delivered';
  });
  await worker.close();
  const request = { path: { orderId } };
  await succeed('listOrderDeliveries', operator, request, ['delivered', 'One event, which was delivered']);
  await manager.delete(`/v1/webhook-endpoints/${endpoint.id}`);
}

/** What operators do. */
export async function operate(stage: Stage) {
  const { service, recorder } = stage;
  const { succeed } = recorder;
  const operator = service.withScopes('ops');
  await service.database.query('DELETE FROM workers');
  await listWorker(service.database);
  await succeed('listDeadlines', operator, { query: '?state=pending' }, ['pending', 'What lies ahead']);
  await succeed('reconcileDeadlines', operator, {}, ['nothing_missing', 'Everything was in order']);
  const note = 'Mail is down since 09:40.';
  const everything = ['everything', 'A hold for all disputes'] as const;
  const hold = await succeed<z.output<typeof ops.Hold>>('createHold', operator, { body: { note } }, everything);
  const one = await succeed<z.output<typeof ops.Hold>>(
    'createHold',
    operator,
    { body: { type: 'cancellation', note } },
    ['one_type', 'A hold for cancellations'],
  );
  await succeed('listHolds', operator, {}, ['two', 'Two holds']);
  await succeed('releaseHold', operator, { path: { id: hold.id } }, ['released', 'A hold that is over']);
  await succeed('releaseHold', operator, { path: { id: one.id } });
  await succeed('eraseComments', operator, { body: { userId: CLIENT } }, ['one_user', 'The comments of one user']);
  await readDeliveries(stage);
}
