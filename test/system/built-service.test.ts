import { beforeAll, describe, expect, test } from 'vitest';
import { createDatabase } from '../harness/database.ts';
import { type ServiceProcess, startProcess } from '../harness/process.ts';
import { CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../harness/seed.ts';

/** The lines of a process's output that are JSON: its log. */
const logOf = ({ stdout }: ServiceProcess): Record<string, unknown>[] =>
  stdout()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a sandbox, as it is built and started', () => {
  let service: ServiceProcess;
  beforeAll(async () => {
    service = await startProcess({ env: { MODE: 'sandbox', COOLDOWN_AFTER_DECLINE: 'PT36H' } });
  });

  test('says so in what it answers', async () => {
    expect(await seedOrder(service)).toMatchObject({ livemode: false });
    expect(await seedDispute(service, 'order_update')).toMatchObject({ livemode: false });
  });

  test('carries out nothing in a dry run, and then what it has said', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const accept = `/v1/disputes/${id}/accept`;
    const headers = { 'idempotency-key': `accept-${id}` };
    const dry = await service.as(FREELANCER).post(`${accept}?dryRun=true`, {}, headers);
    expect(dry.body).toMatchObject({
      dryRun: true,
      dispute: { status: 'resolved', resolution: 'accepted' },
      effects: {
        order: { status: { from: 'in_dispute', to: 'mutually_cancelled' } },
        events: ['dispute.accepted', 'order.status_changed'],
      },
    });
    expect((await service.as(CLIENT).get(`/v1/disputes/${id}`)).body).toMatchObject({ status: 'open' });
    const real = await service.as(FREELANCER).post(accept, {}, headers);
    expect([real.status, real.headers['idempotency-replayed']]).toEqual([200, undefined]);
    expect((await service.as(CLIENT).get(`/v1/orders/${orderId}`)).body).toMatchObject({
      status: 'mutually_cancelled',
    });
  });

  test('has an opener wait after a decline, as configured', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`, {});
    const again = await service.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, REQUESTS.cancellation);
    expect(again.problem).toMatchObject({ code: 'cooldown_active', availableAt: expect.any(String) });
  });

  test('decides commands that come together, each with its own answer', async () => {
    const opened = await Promise.all(Array.from({ length: 40 }, () => seedDispute(service, 'cancellation')));
    const answers = await Promise.all(
      opened.map(({ id }, n) =>
        service.as(FREELANCER).post(`/v1/disputes/${id}/${n % 2 === 0 ? 'accept' : 'withdraw'}`, {}),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(opened.map((_, n) => (n % 2 === 0 ? 200 : 403)));
    expect(answers.filter(({ code }) => code === 'not_opener')).toHaveLength(20);
  });

  test('records how a respondent heard of a request, sums it up, and stops its time while a hold lasts', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const path = `/v1/disputes/${id}`;
    const freelancer = service.as(FREELANCER);
    const before = (await freelancer.get<{ actionRequired: number }>('/v1/disputes/summary')).body.actionRequired;
    expect(before).toBeGreaterThan(0);
    expect((await freelancer.post(`${path}/seen`)).status).toBe(200);
    const notice = { role: 'freelancer', channel: 'email', deliveredAt: new Date().toISOString() };
    expect((await service.withScopes('notices:write').post(`${path}/notices`, notice)).status).toBe(200);
    const ops = service.withScopes('ops');
    const hold = (await ops.post<{ id: string }>('/v1/ops/holds', { note: 'Mail is down.', orderIds: [orderId] })).body;
    expect((await service.as(CLIENT).get(path)).body).toMatchObject({
      notice: { remindedAt: null, notifiedAt: expect.any(String), seenAt: expect.any(String) },
      held: { since: expect.any(String) },
    });
    await ops.delete(`/v1/ops/holds/${hold.id}`);
    expect((await freelancer.get(path)).body).toMatchObject({ status: 'open', held: null });
    await freelancer.post(`${path}/decline`, {});
    expect((await freelancer.get('/v1/disputes/summary')).body).toMatchObject({ actionRequired: before - 1 });
  });

  test('says what is wrong in the language of its caller', async () => {
    const { problem, headers } = await service.as(CLIENT).get('/v1/disputes?limit=0', { 'accept-language': 'de' });
    expect([problem.code, headers['content-language']]).toEqual(['validation_failed', 'de']);
  });

  test.each(['en', 'de', 'es', 'fr', 'pt-BR'])('has texts in %s', async (locale) => {
    const { body } = await service
      .withAuthorization(null)
      .get<{ locale: string; texts: object }>(`/v1/texts?locale=${locale}`);
    expect(body.locale).toBe(locale);
    expect(Object.keys(body.texts).length).toBeGreaterThan(300);
  });

  test('says in each log line and in its metrics which process of which release it is', async () => {
    const { body } = await service.withAuthorization(null).get<{ version: string }>('/healthz');
    const lines = logOf(service);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      expect(line).toMatchObject({ role: 'all', version: body.version, instance: expect.stringMatching(/^.+:\d+$/) });
    }
    const { text } = await service.withAuthorization(null).get('/metrics');
    expect(text).toContain(`build_info{version="${body.version}",role="all"} 1`);
  });
});

test('without MODE, on a database that is not embedded, it is live', async () => {
  const service = await startProcess({ database: await createDatabase(), role: 'api' });
  expect(await seedOrder(service)).toMatchObject({ livemode: true });
});
