import { beforeAll, expect, test } from 'vitest';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { advance, makeClock, orderOnClock, SANDBOX } from '../../harness/test-clocks.ts';
import type { Dispute } from '../../harness/types.ts';

const BEGINNING = '2021-03-01T12:00:00.000Z';
const HOUR_MS = 3_600_000;
const after = (hours: number) => new Date(Date.parse(BEGINNING) + hours * HOUR_MS).toISOString();

let service: Service;
beforeAll(async () => {
  service = await startService({ env: { ...SANDBOX, REMINDERS: 'PT2H' } });
});

const ops = () => service.withScopes('ops');
const beginHold = async () => (await ops().post<{ id: string }>('/v1/ops/holds', { note: 'Mail is down.' })).body.id;
const release = async (id: string) => void (await ops().delete(`/v1/ops/holds/${id}`)).body;
const read = async (id: string) => (await service.as(CLIENT).get<Dispute>(`/v1/disputes/${id}`)).body;

/** A cancellation on a clock of its own, which is opened at the beginning. */
async function sceneOf() {
  const clock = await makeClock(service, BEGINNING);
  const { id: orderId } = await orderOnClock(service, clock);
  return { clock, dispute: await seedDispute(service, 'cancellation', { orderId }) };
}

test('a hold moves deadlines by the time that the clock was advanced while it lasted', async () => {
  const { clock, dispute } = await sceneOf();
  await advance(service, clock, 'PT10H');
  const hold = await beginHold();
  const held = await advance(service, clock, 'PT100H');
  expect(held.transitions).toEqual([]);
  expect(await read(dispute.id)).toMatchObject({ status: 'open' });
  await release(hold);
  expect(await read(dispute.id)).toMatchObject({ status: 'open', respondBy: after(148) });
  const { transitions } = await advance(service, clock, 'PT38H');
  expect(transitions.map(({ type, at }) => [type, at])).toEqual([
    ['dispute.reminder_due', after(146)],
    ['dispute.expired', after(148)],
    ['order.status_changed', after(148)],
  ]);
});

test('a hold in which a clock stands still moves nothing on it, nor does one that was over before', async () => {
  const { clock, dispute } = await sceneOf();
  await release(await beginHold());
  expect(await read(dispute.id)).toMatchObject({ respondBy: after(48), version: 1 });
  await advance(service, clock, 'PT48H');
  expect(await read(dispute.id)).toMatchObject({ resolution: 'expired', resolvedAt: after(48) });
});

test('a clock that is made during a hold is held from its beginning', async () => {
  const hold = await beginHold();
  const { clock, dispute } = await sceneOf();
  await advance(service, clock, 'PT60H');
  await release(hold);
  expect(await read(dispute.id)).toMatchObject({ status: 'open', respondBy: after(108) });
});
