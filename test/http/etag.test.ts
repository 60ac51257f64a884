import { beforeAll, describe, expect, test } from '@jest/globals';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const SAYS = { comment: 'So be it.' };
const ACTIONS = [
  ['order_update', FREELANCER, 'provide-update'],
  ['cancellation', FREELANCER, 'accept'],
  ['cancellation', FREELANCER, 'decline'],
  ['order_change', CLIENT, 'accept'],
  ['order_change', CLIENT, 'decline'],
  ['cancellation', CLIENT, 'withdraw'],
  ['cancellation', CLIENT, 'comments'],
  ['cancellation', FREELANCER, 'comments'],
] as const;

const tagOf = async (id: string, sub = CLIENT) =>
  (await service.as(sub).get<Dispute>(`/v1/disputes/${id}`)).headers['etag'] ?? '';

describe('every POST to a dispute takes If-Match', () => {
  test.each(ACTIONS)('%s, %s: %s', async (type, sub, action) => {
    const { id } = await seedDispute(service, type);
    const path = `/v1/disputes/${id}/${action}`;
    const old = await tagOf(id);
    await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Wait.' });
    const refused = await service.as(sub).post(path, SAYS, { 'if-match': old });
    expect(refused).toMatchObject({ status: 412, code: 'version_mismatch', problem: { version: 2 } });
    expect(await tagOf(id)).toBe('"2"');
    const answer = await service.as(sub).post<Dispute>(path, SAYS, { 'if-match': await tagOf(id) });
    expect([answer.status, answer.headers['etag'], answer.body.version]).toEqual([200, '"3"', 3]);
    expect(await tagOf(id)).toBe('"3"');
  });
});

describe('If-Match', () => {
  const post = async (header: string) => {
    const { id } = await seedDispute(service, 'cancellation');
    return (await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`, SAYS, { 'if-match': header })).status;
  };

  test.each(['"1"', '*', '"7", "1"', '"1","2"', ' "1" '])('holds for %s', async (header) => {
    expect(await post(header)).toBe(200);
  });

  test.each(['"2"', 'W/"1"', '1', '"01x"', '""', '', '"1', '"99999999999999999999"', '"-1"', '"1.0"', 'W/*'])(
    'does not hold for %j',
    async (header) => {
      expect(await post(header)).toBe(412);
    },
  );

  test('holds once of two who read the same version', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const say = (sub: string) => service.as(sub).post(`/v1/disputes/${id}/comments`, SAYS, { 'if-match': '"1"' });
    const statuses = (await Promise.all([say(CLIENT), say(FREELANCER)])).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 412]);
  });

  test('means nothing where no dispute is there yet', async () => {
    const { id } = await seedOrder(service);
    const body = { type: 'order_update' };
    expect((await service.as(CLIENT).post(`/v1/orders/${id}/disputes`, body, { 'if-match': '"9"' })).status).toBe(201);
  });
});

test('the tag is the same for whoever reads, and stays while nothing happens', async () => {
  const { id } = await seedDispute(service, 'cancellation');
  const tags = [await tagOf(id), await tagOf(id, FREELANCER)];
  const ofService = await service.withScopes('disputes:read').get<Dispute>(`/v1/disputes/${id}`);
  expect([...tags, ofService.headers['etag'], `"${ofService.body.version}"`]).toEqual(['"1"', '"1"', '"1"', '"1"']);
});
