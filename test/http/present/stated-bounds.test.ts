import { beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { ResolutionCenter } from '../../../src/http/schemas/resolution-center.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

type Center = z.output<typeof ResolutionCenter>;

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const centerOf = async (orderId: string, sub: string) =>
  (await service.as(sub).get<Center>(`/v1/orders/${orderId}/resolution-center`)).body;

/** Whether the service would take a request; it is not carried out. */
async function takes(sub: string, href: string, body: object): Promise<boolean> {
  const { status } = await service.as(sub).post(`${href}?dryRun=true`, body);
  expect([200, 201, 400, 422]).toContain(status);
  return status < 300;
}

const text = (length: number) => 'x'.repeat(length);

/** What is taken at the bounds of a number that is stated, and next to them. */
const AT_BOUNDS = [false, true, true, false];
const around = (min: number, max: number) => [min - 1, min, max, max + 1];

async function takenAround(bounds: number[], take: (value: number) => Promise<boolean>): Promise<boolean[]> {
  const taken: boolean[] = [];
  for (const value of bounds) taken.push(await take(value));
  return taken;
}

describe('the bounds that a resolution center states are those that count', () => {
  test.each([
    ['a cancellation by the client', CLIENT, 'cancellation', {}],
    ['a cancellation by the freelancer', FREELANCER, 'cancellation', { reason: 'unable_to_complete' }],
    ['a request for an update', CLIENT, 'order_update', {}],
  ])('for the comment of %s', async (_what, sub, type, rest) => {
    const { id } = await seedOrder(service);
    const option = (await centerOf(id, sub)).open.find((one) => one.type === type);
    const { minLength, maxLength } = option?.fields.comment ?? { minLength: 0, maxLength: 0 };
    const take = (length: number) => takes(sub, option?.href ?? '', { type, ...rest, comment: text(length) });
    expect(await takenAround(around(minLength, maxLength), take)).toEqual(AT_BOUNDS);
  });

  test.each([
    ['a cancellation', FREELANCER, 'cancellation'],
    ['a request for an update', FREELANCER, 'order_update'],
    ['its own request', CLIENT, 'cancellation'],
  ] as const)('for the comments of each answer to %s', async (_what, sub, type) => {
    const { orderId } = await seedDispute(service, type);
    const options = (await centerOf(orderId, sub)).respond.filter(({ allowed }) => allowed);
    expect(options.length).toBeGreaterThan(0);
    for (const { action, href, fields } of options) {
      const take = (length: number) => takes(sub, href, { comment: text(length) });
      const { minLength, maxLength } = fields.comment;
      expect([action, await takenAround(around(minLength, maxLength), take)]).toEqual([action, AT_BOUNDS]);
    }
  });

  test('for the parts of a change: number of extras, titles, prices, and the date', async () => {
    const { id } = await seedOrder(service);
    const option = (await centerOf(id, FREELANCER)).open.find(({ type }) => type === 'order_change');
    const { extras, deliverBy, minParts } = option?.fields.change ?? {};
    if (option === undefined || extras === undefined || deliverBy === undefined) throw new Error('no change is stated');
    const take = (change: object) => takes(FREELANCER, option.href, { type: 'order_change', change });
    const extra = (over: { title?: string; amount?: number }) => ({
      title: over.title ?? 'Files',
      price: { amount: over.amount ?? 1, currency: extras.currency },
    });
    expect(minParts).toBe(1);
    expect(await take({})).toBe(false);
    expect(
      await takenAround(around(extras.minItems, extras.maxItems), (length) =>
        take({ extras: Array(Math.max(0, length)).fill(extra({})) }),
      ),
    ).toEqual(AT_BOUNDS);
    expect(
      await takenAround(around(extras.titleMinLength, extras.titleMaxLength), (length) =>
        take({ extras: [extra({ title: text(length) })] }),
      ),
    ).toEqual(AT_BOUNDS);
    expect(
      await takenAround(around(extras.priceMin, extras.priceMax), (amount) => take({ extras: [extra({ amount })] })),
    ).toEqual(AT_BOUNDS);
    const after = Date.parse(deliverBy.after ?? '');
    const at = (ms: number) => take({ deliverBy: new Date(ms).toISOString() });
    expect([await at(after), await at(after + 1_000)]).toEqual([false, true]);
  });
});
