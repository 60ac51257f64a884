import { beforeAll, describe, expect, test } from 'vitest';
import { letTimePass } from '../../../harness/database.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../../harness/seed.ts';
import { type Service, startService } from '../../../harness/service.ts';
import { advance, makeClock, SANDBOX } from '../../../harness/test-clocks.ts';
import type { Dispute } from '../../../harness/types.ts';

interface Summary {
  readonly actionRequired: number;
  readonly awaitingOtherParty: number;
  readonly nextRespondBy: string | null;
}

const HOUR = 3_600_000;

let service: Service;
beforeAll(async () => {
  service = await startService({ role: 'api', env: SANDBOX });
});

let users = 0;
/** Two users of whom no other test knows. */
const newParties = () => {
  users += 1;
  return { clientId: `client-${users}`, freelancerId: `freelancer-${users}` };
};
const summaryOf = async (sub: string) => (await service.as(sub).get<Summary>('/v1/disputes/summary')).body;
const open = async (parties: { clientId: string; freelancerId: string }, by: 'clientId' | 'freelancerId') => {
  const { id: orderId } = await seedOrder(service, parties);
  return await seedDispute(service, by === 'clientId' ? 'cancellation' : 'order_change', {
    orderId,
    opener: parties[by],
  });
};

describe('the summary', () => {
  test('counts what waits for its user and what waits for others, in whichever role', async () => {
    const parties = newParties();
    const asked = await open(parties, 'clientId');
    await open(parties, 'clientId');
    await open(parties, 'freelancerId');
    expect(await summaryOf(parties.freelancerId)).toEqual({
      actionRequired: 2,
      awaitingOtherParty: 1,
      nextRespondBy: asked.respondBy,
    });
    expect(await summaryOf(parties.clientId)).toMatchObject({ actionRequired: 1, awaitingOtherParty: 2 });
    await service.as(parties.freelancerId).post(`/v1/disputes/${asked.id}/decline`);
    expect((await summaryOf(parties.freelancerId)).actionRequired).toBe(1);
  });

  test('is empty for a user without disputes', async () => {
    expect(await summaryOf('user-without')).toEqual({ actionRequired: 0, awaitingOtherParty: 0, nextRespondBy: null });
  });

  test('does not count a dispute from its deadline on, before its expiry is written, unless it is held', async () => {
    const parties = newParties();
    const { id, respondBy } = await open(parties, 'clientId');
    await letTimePass(service.database, id, 47 * HOUR);
    const ops = service.withScopes('ops');
    const hold = await ops.post<{ id: string }>('/v1/ops/holds', { type: 'cancellation', note: 'Mail is down.' });
    await letTimePass(service.database, id, HOUR);
    // The hold began before the deadline, had it begun an hour ago.
    await service.database.query(`UPDATE holds SET since = since - interval '1 hour 10 minutes'`);
    const held = await summaryOf(parties.freelancerId);
    expect(held.actionRequired).toBe(1);
    const shown = (await service.as(parties.freelancerId).get<Dispute>(`/v1/disputes/${id}`)).body.respondBy;
    expect(held.nextRespondBy).toBe(shown);
    expect(Date.parse(shown)).toBe(Date.parse(respondBy) - 48 * HOUR);
    await ops.delete(`/v1/ops/holds/${hold.body.id}`);
    await letTimePass(service.database, id, 3 * HOUR);
    await service.database.query('DELETE FROM holds');
    expect(await summaryOf(parties.freelancerId)).toEqual({
      actionRequired: 0,
      awaitingOtherParty: 0,
      nextRespondBy: null,
    });
    const [row] = await service.database.query('SELECT status FROM disputes WHERE id = $1', [id]);
    expect(row).toEqual({ status: 'open' });
  });

  test('counts a dispute on a test clock by the time of that clock', async () => {
    const parties = newParties();
    const clock = await makeClock(service, '2030-01-01T00:00:00.000Z');
    const { id: orderId } = await seedOrder(service, { ...parties, deliverBy: null, testClockId: clock.id });
    const opener = parties.clientId;
    const { respondBy } = await seedDispute(service, 'cancellation', { orderId, opener });
    expect(await summaryOf(parties.freelancerId)).toEqual({
      actionRequired: 1,
      awaitingOtherParty: 0,
      nextRespondBy: respondBy,
    });
    expect(respondBy).toBe('2030-01-03T00:00:00.000Z');
    await advance(service, clock, 'PT48H');
    expect((await summaryOf(parties.freelancerId)).actionRequired).toBe(0);
  });

  test('counts up to a thousand', async () => {
    const parties = newParties();
    const { id, orderId } = await open(parties, 'clientId');
    await service.database.query(
      `WITH more AS (
         INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object('id', 'many-' || n))).*
         FROM orders o, generate_series(1, 1000) AS n WHERE o.id = $2 RETURNING id)
       INSERT INTO disputes SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid(), 'order_id', more.id))).*
       FROM disputes d, more WHERE d.id = $1`,
      [id, orderId],
    );
    expect(await summaryOf(parties.freelancerId)).toMatchObject({ actionRequired: 1_000, awaitingOtherParty: 0 });
    expect(await summaryOf(parties.clientId)).toMatchObject({ actionRequired: 0, awaitingOtherParty: 1_000 });
  });

  test('is answered 304 while it is the same', async () => {
    const { clientId, ...parties } = newParties();
    await open({ clientId, ...parties }, 'freelancerId');
    const first = await service.as(clientId).get('/v1/disputes/summary');
    const condition = { 'if-none-match': String(first.headers['etag']) };
    expect((await service.as(clientId).get('/v1/disputes/summary', condition)).status).toBe(304);
    await open({ clientId, ...parties }, 'freelancerId');
    expect((await service.as(clientId).get('/v1/disputes/summary', condition)).status).toBe(200);
  });

  test('is for users alone, and takes no parameters', async () => {
    expect((await service.withScopes('disputes:read').get('/v1/disputes/summary')).code).toBe('forbidden');
    expect((await service.as(CLIENT).get('/v1/disputes/summary?status=open')).code).toBe('validation_failed');
    expect((await service.as(FREELANCER).get('/v1/disputes/summary')).status).toBe(200);
  });
});
