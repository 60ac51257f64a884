import { beforeAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import type { ResolutionCenter } from '../../../src/http/schemas/resolution-center.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, Timeline } from '../../harness/types.ts';

type Center = z.output<typeof ResolutionCenter>;

let service: Service;
beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
});

/** The page size of a timeline, written by hand. */
const PAGE = 50;

/** A dispute whose timeline has so many entries. */
async function disputeWith(entries: number): Promise<Dispute> {
  const dispute = await seedDispute(service, 'cancellation');
  for (let count = 1; count < entries; count += 1) {
    await service.as(CLIENT).post(`/v1/disputes/${dispute.id}/comments`, { comment: `Comment ${count}` });
  }
  return dispute;
}

const pageOf = (id: string, query = '') => service.as(CLIENT).get<Timeline>(`/v1/disputes/${id}/timeline${query}`);
const centerOf = async (orderId: string, sub = CLIENT) =>
  (await service.as(sub).get<Center>(`/v1/orders/${orderId}/resolution-center`)).body;

async function walk(id: string, limit: number) {
  const sizes: number[] = [];
  const entries: Timeline['data'] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body }: { body: Timeline } = await pageOf(id, `?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`);
    sizes.push(body.data.length);
    entries.push(...body.data);
    cursor = body.nextCursor;
  }
  return { sizes, entries };
}

describe('a timeline comes in pages', () => {
  test.each([
    [PAGE - 1, [PAGE - 1]],
    [PAGE, [PAGE]],
    [PAGE + 1, [PAGE, 1]],
    [2 * PAGE + 1, [PAGE, PAGE, 1]],
  ])('one of %d entries, each once and in order', async (count, sizes) => {
    const { id, orderId } = await disputeWith(count);
    const walked = await walk(id, PAGE);
    expect(walked.sizes).toEqual(sizes);
    expect(walked.entries.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(walked.entries.slice(1).map(({ comment }) => comment)).toEqual(
      Array.from({ length: count - 1 }, (_, index) => `Comment ${index + 1}`),
    );
    const first = (await pageOf(id)).body;
    expect(first.data).toEqual(walked.entries.slice(0, PAGE));
    expect((await centerOf(orderId)).timeline).toEqual(first);
  });

  test('of any size up to fifty, and of no other', async () => {
    const { id } = await disputeWith(5);
    for (const limit of [1, 2, 5, 6]) expect((await walk(id, limit)).entries).toHaveLength(5);
    expect((await pageOf(id, `?limit=${PAGE}`)).status).toBe(200);
    for (const limit of [0, PAGE + 1]) expect((await pageOf(id, `?limit=${limit}`)).code).toBe('validation_failed');
  });

  test('whose cursor is one of this timeline alone', async () => {
    const [one, other] = [await disputeWith(2), await disputeWith(2)];
    const { nextCursor } = (await pageOf(one.id, '?limit=1')).body;
    expect((await pageOf(other.id, `?cursor=${nextCursor}`)).code).toBe('validation_failed');
    expect((await pageOf(one.id, `?cursor=${nextCursor}`)).body.data.map(({ seq }) => seq)).toEqual([2]);
  });
});

describe('the resolution center has the dispute that was resolved last, and a timeline', () => {
  test('neither for an order without disputes', async () => {
    const { id } = await seedOrder(service);
    expect(await centerOf(id)).toMatchObject({ openDispute: null, lastDispute: null, timeline: null });
  });

  test('the timeline is that of the open dispute, and after it that of the last one, as each party sees them', async () => {
    const first = await seedDispute(service, 'cancellation');
    const { orderId } = first;
    expect(await centerOf(orderId)).toMatchObject({ openDispute: { id: first.id }, lastDispute: null });
    await service.as(FREELANCER).post(`/v1/disputes/${first.id}/decline`, { comment: 'No.' });
    const second = await seedDispute(service, 'order_update', { orderId });
    const open = await centerOf(orderId, FREELANCER);
    expect(open).toMatchObject({
      openDispute: { id: second.id },
      lastDispute: { id: first.id, resolution: 'declined' },
    });
    expect(open.timeline?.data.map(({ action }) => action)).toEqual(['opened']);
    await service.as(CLIENT).post(`/v1/disputes/${second.id}/withdraw`);
    for (const sub of [CLIENT, FREELANCER]) {
      const center = await centerOf(orderId, sub);
      const { serverTime: _, ...last } = (await service.as(sub).get<Dispute>(`/v1/disputes/${second.id}`)).body;
      expect(center.lastDispute).toMatchObject(last);
      expect(center.timeline?.data.map(({ action }) => action)).toEqual(['opened', 'withdrawn']);
    }
  });
});
