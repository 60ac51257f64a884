import { beforeAll, describe, expect, test } from 'vitest';
import { fetchFrom } from '../harness/api/transport.ts';
import { createClients } from '../harness/client.ts';
import { letTimePass } from '../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';
import { type Endpoint, LOCAL, settledDeliveries, subscribe } from '../webhooks/endpoints.ts';
import { startReceiver } from '../webhooks/receiver.ts';
import { commandsFor, rowsOf } from './command.ts';

const HOUR = 3_600_000;
const NOWHERE = '0198c5a0-0000-7000-8000-000000000000';

let service: Service;
let endpoint: Endpoint;
let atCallers: string;
let atOperators: string;
let ops: ReturnType<typeof commandsFor>;

/** An order that silence cancelled: its freelancer was held once, had a mail, and saw the request. */
async function cancelledBySilence(): Promise<Dispute> {
  const dispute = await seedDispute(service, 'cancellation');
  const { id, orderId } = dispute;
  const hold = JSON.parse((await ops(['hold', 'begin', '--note', 'Mail is down.', '--order', orderId, '--json'])).out);
  await ops(['hold', 'release', hold.id]);
  const notice = { role: 'freelancer', channel: 'email', deliveredAt: dispute.openedAt };
  expect((await service.withScopes('notices:write').post(`/v1/disputes/${id}/notices`, notice)).status).toBe(200);
  await service.as(FREELANCER).post(`/v1/disputes/${id}/seen`);
  await letTimePass(service.database, id, 49 * HOUR);
  return dispute;
}

beforeAll(async () => {
  service = await startService({ role: 'all', env: { ...LOCAL, OPS_PORT: '0' } });
  atCallers = await service.listen();
  atOperators = (await service.ops?.listen({ host: '127.0.0.1', port: 0 })) ?? '';
  ops = commandsFor(atOperators);
  endpoint = await subscribe(service, await startReceiver());
});

describe('order show', () => {
  test('says why an order was cancelled, and what the respondent knew, in one command without any comment', async () => {
    const { id, orderId } = await cancelledBySilence();
    const { code, out, err } = await ops(['order', 'show', orderId]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(
      new RegExp(
        `\\ncancelled because +freelancer ${FREELANCER} did not answer the client's request ${id} \\(late_delivery\\) until 20`,
      ),
    );
    const rows = rowsOf(out);
    expect(rows).toEqual(
      expect.arrayContaining([
        ['status', 'mutually_cancelled'],
        ['client', CLIENT],
        ['dispute', id],
        ['respondent notified at', expect.stringMatching(/^20/)],
        ['respondent saw it at', expect.stringMatching(/^20/)],
        expect.arrayContaining(['expired', 'system', 'deadline']),
        expect.arrayContaining(['notified', expect.stringMatching(/^email reached the freelancer at 20/)]),
        expect.arrayContaining([`order ${orderId}`, 'Mail is down.']),
      ]),
    );
    await settledDeliveries(service, endpoint.id, 5);
    const known = JSON.parse((await ops(['order', 'show', orderId, '--json'])).out);
    expect(known).toMatchObject({
      order: { id: orderId },
      disputes: [{ dispute: { id, resolution: 'expired' }, timeline: expect.any(Array) }],
      holds: [{ scope: 'orders', orderIds: [orderId] }],
    });
    const delivered = known.deliveries.find(({ type }: { type: string }) => type === 'dispute.opened');
    expect(delivered).toMatchObject({ endpointId: endpoint.id, orderId, status: 'delivered' });
    expect(delivered.attempts).toMatchObject([{ response: null }]);
    expect(out + JSON.stringify(known)).not.toMatch(/Two weeks/);
    // The id of the dispute stands for its order.
    expect(JSON.parse((await ops(['order', 'show', id, '--json'])).out).order.id).toBe(orderId);
  });

  test('tells only of what the order had to do with', async () => {
    const { id } = await seedOrder(service);
    await ops(['hold', 'begin', '--note', 'x', '--order', id]);
    const { code, out } = await ops(['order', 'show', id]);
    expect(code).toBe(0);
    expect(rowsOf(out)).toContainEqual(['cancelled because', '-']);
    // A hold of an order without a dispute covered none.
    expect(out).toMatch(/holds that covered a dispute of the order\nnone\n$/);
  });

  test('leaves out a hold that was begun after the dispute was over, however early it counts from', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    await ops(['hold', 'begin', '--note', 'x', '--order', orderId, '--since', since]);
    expect((await ops(['order', 'show', orderId])).out).toMatch(/holds that covered a dispute of the order\nnone\n$/);
  });

  test('says that an order was cancelled by agreement, and that the order service cancelled one', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`);
    expect((await ops(['order', 'show', orderId])).out).toContain(
      `freelancer ${FREELANCER} accepted the client's request`,
    );
    const reported = await seedOrder(service, { status: 'cancelled' });
    expect((await ops(['order', 'show', reported.id])).out).toMatch(
      /cancelled because +the order service reported it\n/,
    );
  });

  test('ends with 1 where there is neither such an order nor such a dispute, and with 2 where the id is none', async () => {
    for (const id of [NOWHERE, 'no-order']) {
      const { code, out, err } = await ops(['order', 'show', id]);
      expect([code, out, err]).toEqual([1, '', expect.stringContaining('404 not_found: There is no such order')]);
    }
    expect((await ops(['order', 'show', 'a/b'])).code).toBe(2);
  });
});

test('the deliveries of an order come page by page, each once', async () => {
  const { orderId } = await seedDispute(service, 'cancellation');
  const second = await subscribe(service, await startReceiver());
  const replay = { after: 0 };
  await service.withScopes('webhooks:manage').post(`/v1/webhook-endpoints/${second.id}/replay`, replay);
  const path = `/v1/ops/orders/${orderId}/deliveries`;
  interface Page {
    readonly data: readonly { readonly id: string; readonly seq: number; readonly orderId: string }[];
    readonly nextCursor: string | null;
  }
  await settledDeliveries(service, second.id, 1);
  const operator = createClients(fetchFrom(atOperators)).withScopes('ops');
  const read = async (url: string) => (await operator.get<Page>(url)).body;
  const found: Page['data'][number][] = [];
  for (let url: string | null = `${path}?limit=1`; url !== null; ) {
    const page: Page = await read(url);
    found.push(...page.data);
    url = page.nextCursor === null ? null : `${path}?limit=1&cursor=${page.nextCursor}`;
  }
  expect(found.length).toBeGreaterThan(1);
  expect(found.map(({ id }) => id)).toEqual((await read(`${path}?limit=100`)).data.map(({ id }) => id));
  expect(new Set(found.map(({ id }) => id)).size).toBe(found.length);
  expect(found.map(({ seq }) => seq)).toEqual(found.map(({ seq }) => seq).toSorted((a, b) => b - a));
  expect(found.every((one) => one.orderId === orderId)).toBe(true);
});

test('the id of an order stands for its newest dispute', async () => {
  const first = await seedDispute(service, 'cancellation');
  await service.as(FREELANCER).post(`/v1/disputes/${first.id}/decline`);
  const second = await seedDispute(service, 'order_update', { orderId: first.orderId });
  expect(JSON.parse((await ops(['dispute', 'show', first.orderId, '--json'])).out).dispute.id).toBe(second.id);
  expect(JSON.parse((await ops(['dispute', 'show', first.id, '--json'])).out).dispute.id).toBe(first.id);
  const { id } = await seedOrder(service);
  const none = await ops(['dispute', 'show', id]);
  expect([none.code, none.err]).toEqual([1, `resolution-center: the order ${id} has no dispute\n`]);
});

describe('with a port for operators', () => {
  test('every command finds what it needs at that one address', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await settledDeliveries(service, endpoint.id, 1);
    const [delivery] = JSON.parse((await ops(['webhooks', 'deliveries', endpoint.id, '--json'])).out);
    for (const argv of [
      ['deadlines'],
      ['reconcile'],
      ['dispute', 'show', id],
      ['order', 'show', orderId],
      ['hold', 'list'],
      ['stats'],
      ['webhooks', 'list'],
      ['webhooks', 'redeliver', delivery.id],
    ]) {
      expect([argv, await ops(argv)]).toEqual([argv, expect.objectContaining({ code: 0, err: '' })]);
    }
  });

  test.each([['deadlines'], ['hold', 'list'], ['reconcile']])(
    'a command at the other port is told so: %s %s',
    async (...argv) => {
      const { code, err } = await ops(argv.filter((one) => one !== undefined).concat('--url', atCallers));
      expect(code).toBe(1);
      expect(err).toContain(
        "404 not_found: There is nothing at this address. This is served at the operators' port (OPS_PORT)",
      );
    },
  );
});
