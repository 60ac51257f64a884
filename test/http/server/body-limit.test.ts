import { beforeAll, describe, expect, test } from 'vitest';
import { api } from '../../../src/endpoints.ts';
import { bodyLimitOf } from '../../../src/http/endpoint/body-limit.ts';
import { CLIENT, FREELANCER, newOrderId, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

/** JSON with each character of each text written as the escapes of its UTF-16 units: as long as JSON can be. */
function escapedJson(value: unknown): string {
  if (typeof value === 'string') {
    const units = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at).toString(16).padStart(4, '0'));
    return `"${units.map((unit) => `\\u${unit}`).join('')}"`;
  }
  if (Array.isArray(value)) return `[${value.map(escapedJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, inner]) => `${escapedJson(name)}:${escapedJson(inner)}`)
    .join(',')}}`;
}

const GRIN = '\u{1f600}';
// Four code points that are one character once they are composed.
const COMPOSED_OF_FOUR = '\u03b1\u0313\u0300\u0345';
const JSON_TYPE = { 'content-type': 'application/json' };

describe.each([
  ['beyond the first plane', GRIN],
  ['that are composed of four', COMPOSED_OF_FOUR],
])('the longest requests are taken, in characters %s, all of them escaped', (_what, character) => {
  const comment = character.repeat(4_000);
  const title = character.repeat(200);
  const money = { amount: Number.MAX_SAFE_INTEGER, currency: 'USD' };
  const send = (sub: string, path: string, body: object) =>
    service.as(sub).send('POST', path, JSON_TYPE, escapedJson(body));

  test('to open a dispute, to answer it and to comment on it', async () => {
    const { id: orderId } = await seedOrder(service);
    const change = {
      deliverBy: '2032-06-01T12:00:00.000000000+05:45',
      extras: Array(20).fill({ title, price: money }),
    };
    const opening = { type: 'order_change', comment, change };
    const opened = await send(FREELANCER, `/v1/orders/${orderId}/disputes`, opening);
    expect(opened.status).toBe(201);
    const { id } = JSON.parse(opened.text) as { id: string };
    for (const [sub, action] of [
      [FREELANCER, 'comments'],
      [CLIENT, 'decline'],
    ] as const) {
      expect((await send(sub, `/v1/disputes/${id}/${action}`, { comment })).status).toBe(200);
    }
    const update = await seedDispute(service, 'order_update');
    expect((await send(FREELANCER, `/v1/disputes/${update.id}/provide-update`, { comment })).status).toBe(200);
  });

  test('to report an order, and to hold a thousand', async () => {
    const id = '~'.repeat(128);
    const report = { clientId: id, freelancerId: `!${id.slice(1)}`, status: 'pending_requirements', title };
    const rest = { deliverBy: '2032-06-01T12:00:00.000000000+05:45', price: money, revision: Number.MAX_SAFE_INTEGER };
    const reporter = service.withScopes('orders:write');
    const reported = await reporter.send(
      'PUT',
      `/v1/orders/${newOrderId()}`,
      JSON_TYPE,
      escapedJson({ ...report, ...rest }),
    );
    expect(reported.status).toBe(201);
    const orderIds = Array.from({ length: 1_000 }, (_, index) => String(index).padStart(128, 'x'));
    const hold = { note: character.repeat(1_000), orderIds };
    const held = await service.withScopes('ops').send('POST', '/v1/ops/holds', JSON_TYPE, escapedJson(hold));
    expect(held.status).toBe(201);
  });
});

test('every operation has a limit of its own, and none takes more than a megabyte', () => {
  const limits = api.endpoints.map((operation) => bodyLimitOf(operation));
  expect(Math.max(...limits)).toBeLessThan(1_048_576);
  expect(Math.min(...limits)).toBeGreaterThan(0);
});
