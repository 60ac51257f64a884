import { beforeAll, describe, expect, test } from 'vitest';
import { type Running, type ServiceProcess, startProcess } from '../../harness/process.ts';
import type { Dispute } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { startExample, written } from './processes.ts';

let service: ServiceProcess;
let backend: Running;
let base: string;
let orderId: string;
beforeAll(async () => {
  service = await startProcess({ env: { WEBHOOK_ALLOW_INSECURE: 'true' } });
  backend = await startExample('backend', service.url);
  base = (await written(backend, /listens on (\S+)/))[1] ?? '';
  orderId = (await written(backend, /reported order (\S+):/))[1] ?? '';
});

const mailTo = (to: string, subject: string) =>
  written(backend, new RegExp(`^mail \\{"to":"${to}","subject":"${subject}".*$`, 'm'));

describe('the example of a backend', () => {
  test('mails the respondent what was asked, and records the notice', async () => {
    const request = { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' };
    const opened = await service.as('user-7').post<Dispute>(`/v1/orders/${orderId}/disputes`, request);
    expect(opened.status).toBe(201);
    const [mail] = await mailTo('user-9', 'Request opened');
    expect(mail).toContain('Two weeks late.');
    const { id } = opened.body;
    const notice = async () => (await service.as('user-9').get<Dispute>(`/v1/disputes/${id}`)).body.notice;
    await waitFor('the notice is recorded', async () => (await notice()).notifiedAt !== null);
  });

  test('takes over a cancellation that the parties agreed on, and tells the one who asked', async () => {
    const list = await service.as('user-9').get<{ data: Dispute[] }>('/v1/disputes?status=open');
    await service.as('user-9').post(`/v1/disputes/${list.body.data[0]?.id}/accept`, {});
    await mailTo('user-7', 'Request accepted');
    await written(backend, new RegExp(`^refund .*"orderId":"${orderId}","to":"user-7","amount":15000`, 'm'));
  });

  test('passes on what the service refuses, and reports with the next revision else', async () => {
    const change = (id: string, body: string) => fetch(`${base}/orders/${id}`, { method: 'PATCH', body });
    const refused = await change(orderId, '{ "status": "delivered" }');
    expect([refused.status, await refused.json()]).toEqual([409, { error: expect.stringContaining('order_closed') }]);
    expect((await change(orderId, 'no json')).status).toBe(400);
    expect((await change('unknown', '{}')).status).toBe(404);
  });

  test('refuses a message that the service did not sign', async () => {
    const forged = { type: 'dispute.opened', timestamp: new Date().toISOString(), data: { orderId } };
    const headers = {
      'webhook-id': 'x',
      'webhook-timestamp': `${Math.floor(Date.now() / 1_000)}`,
      'webhook-signature': 'v1,AAAA',
    };
    const response = await fetch(`${base}/webhooks`, { method: 'POST', body: JSON.stringify(forged), headers });
    expect(response.status).toBe(401);
  });

  test('removes its endpoint when it is stopped', async () => {
    const endpoints = async () =>
      (await service.withScopes('webhooks:manage').get<{ data: unknown[] }>('/v1/webhook-endpoints')).body.data;
    expect(await endpoints()).toHaveLength(1);
    backend.child.kill('SIGTERM');
    expect(await backend.exited).toEqual({ code: 0, signal: null });
    expect([await endpoints(), backend.stderr()]).toEqual([[], '']);
  });
});
