import { beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../harness/client.ts';
import { letTimePass } from '../../harness/database.ts';
import { anOrderReport, CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, Timeline } from '../../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const HOUR = 3_600_000;
const STRANGER = 'user-1';
const SECRET = 'between-the-two-of-us';

interface Told {
  readonly id: string;
  readonly orderId: string;
}

/** A dispute in which both parties write the secret wherever they can; the last word is an answer, or is still to come. */
async function tell(last: 'decline' | 'withdraw' | null): Promise<Told> {
  const { id: orderId } = await seedOrder(service);
  const opening = { ...REQUESTS.cancellation, comment: `opened ${SECRET}` };
  const { id } = (await service.as(CLIENT).post<Dispute>(`/v1/orders/${orderId}/disputes`, opening)).body;
  for (const sub of [CLIENT, FREELANCER]) {
    await service.as(sub).post(`/v1/disputes/${id}/comments`, { comment: `${sub} ${SECRET}` });
  }
  const sub = last === 'decline' ? FREELANCER : CLIENT;
  if (last !== null) await service.as(sub).post(`/v1/disputes/${id}/${last}`, { comment: `${last} ${SECRET}` });
  return { id, orderId };
}

const everyRead = ({ id, orderId }: Told): string[] => [
  `/v1/orders/${orderId}`,
  `/v1/orders/${orderId}/disputes`,
  `/v1/disputes/${id}`,
  `/v1/disputes/${id}/timeline`,
  `/v1/disputes?orderId=${orderId}`,
];

const everyWrite = ({ id, orderId }: Told): [string, object][] => [
  [`/v1/orders/${orderId}/disputes`, REQUESTS.cancellation],
  ...['accept', 'decline', 'provide-update', 'withdraw', 'comments'].map((action): [string, object] => [
    `/v1/disputes/${id}/${action}`,
    { comment: 'Let me in.' },
  ]),
];

describe.each([null, 'decline', 'withdraw'] as const)('what two people write, last word: %s', (last) => {
  test('is not in anything that a service reads, nor is any viewer', async () => {
    const told = await tell(last);
    const reader = service.withScopes('disputes:read');
    for (const path of everyRead(told)) {
      const { status, text } = await reader.get(path);
      expect([path, status]).toEqual([path, 200]);
      expect(text).not.toContain(SECRET);
      expect(text).not.toMatch(/"comment"|"viewer"|"allowedActions"|commentErasedAt/);
    }
    const events = await service.withScopes('events:read').get(`/v1/events?orderId=${told.orderId}`);
    expect(events.text).toContain('dispute.comment_added');
    expect(events.text).not.toMatch(new RegExp(`${SECRET}|"comment"|"viewer"`));
  });

  test('is in what both of them read, word for word and alike', async () => {
    const { id } = await tell(last);
    const texts = [`opened ${SECRET}`, `${CLIENT} ${SECRET}`, `${FREELANCER} ${SECRET}`];
    for (const sub of [CLIENT, FREELANCER]) {
      const { data } = (await service.as(sub).get<Timeline>(`/v1/disputes/${id}/timeline`)).body;
      expect(data.map(({ comment }) => comment)).toEqual([...texts, ...(last === null ? [] : [`${last} ${SECRET}`])]);
      expect((await service.as(sub).get<Dispute>(`/v1/disputes/${id}`)).body.comment).toBe(texts[0]);
    }
  });
});

describe('a stranger', () => {
  test('finds nothing at any address of an order or a dispute', async () => {
    const told = await tell(null);
    const stranger = service.as(STRANGER);
    for (const path of [...everyRead(told).slice(0, 4), `/v1/orders/${told.orderId}/resolution-center`]) {
      expect(await stranger.get(path)).toMatchObject({ status: 404, code: 'not_found' });
    }
    for (const [path, body] of everyWrite(told)) {
      expect(await stranger.post(path, body, { 'if-match': '"1"' })).toMatchObject({ status: 404, code: 'not_found' });
    }
    const lists = await Promise.all(
      ['', `?orderId=${told.orderId}`].map((query) => stranger.get(`/v1/disputes${query}`)),
    );
    expect(lists.map(({ body }) => body)).toEqual([
      expect.objectContaining({ data: [] }),
      expect.objectContaining({ data: [] }),
    ]);
  });

  test('does not settle what is overdue by looking for it', async () => {
    const { id, orderId } = await tell(null);
    await letTimePass(service.database, id, 48 * HOUR);
    const stranger = service.as(STRANGER);
    for (const path of [`/v1/disputes/${id}`, `/v1/orders/${orderId}`, `/v1/disputes?orderId=${orderId}`])
      await stranger.get(path);
    await stranger.post(`/v1/disputes/${id}/accept`, {});
    const [row] = await service.database.query('SELECT status FROM disputes WHERE id = $1', [id]);
    expect(row).toEqual({ status: 'open' });
  });

  test('is also who was a party in another order, or has the other role there', async () => {
    const theirs = await tell(null);
    await seedDispute(service, 'cancellation', {
      orderId: (await seedOrder(service, { clientId: STRANGER })).id,
      opener: STRANGER,
    });
    expect((await service.as(STRANGER).get(`/v1/disputes/${theirs.id}`)).status).toBe(404);
    const swapped = anOrderReport({ clientId: FREELANCER, freelancerId: CLIENT });
    await service.withScopes('orders:write').put('/v1/orders/swapped', swapped);
    const opened = await service.as(FREELANCER).post<Dispute>('/v1/orders/swapped/disputes', REQUESTS.order_update);
    expect(opened.body.opener).toEqual({ role: 'client', id: FREELANCER });
    expect((await service.as(CLIENT).get<Dispute>(`/v1/disputes/${opened.body.id}`)).body.viewer?.role).toBe(
      'freelancer',
    );
  });
});

describe('a service', () => {
  const scopes = ['orders:write', 'events:read', 'comments:read', 'webhooks:manage', 'ops'] as const;

  test.each(scopes)('with %s alone reads no dispute', async (scope) => {
    const told = await tell(null);
    const caller: Client = service.withScopes(scope);
    for (const path of everyRead(told))
      expect(await caller.get(path)).toMatchObject({ status: 403, code: 'forbidden' });
  });

  test('never acts for a party, whatever its scopes', async () => {
    const told = await tell(null);
    const mighty = service.withScopes('orders:write', 'disputes:read', ...scopes.slice(1));
    for (const [path, body] of everyWrite(told)) {
      expect(await mighty.post(path, body)).toMatchObject({ status: 403, code: 'forbidden' });
    }
  });

  test('gets the comments of the feed with comments:read, for the mail, and nowhere else', async () => {
    const told = await tell('decline');
    const mailer = service.withScopes('events:read', 'comments:read', 'disputes:read');
    const events = await mailer.get(`/v1/events?orderId=${told.orderId}`);
    expect(events.text.match(new RegExp(SECRET, 'g'))).toHaveLength(4);
    for (const path of everyRead(told)) expect((await mailer.get(path)).text).not.toContain(SECRET);
  });
});

test('no refusal repeats what was written', async () => {
  const { id, orderId } = await tell(null);
  const refused = await Promise.all([
    service.as(CLIENT).post(`/v1/disputes/${id}/accept`, { comment: SECRET }),
    service.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, { ...REQUESTS.cancellation, comment: SECRET }),
    service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: `${SECRET}\u0000` }),
    service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { [`${SECRET} as a name`]: 'x' }),
    service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: SECRET }, { 'if-match': '"1"' }),
    service
      .as(CLIENT)
      .send('POST', `/v1/disputes/${id}/comments`, { 'content-type': 'application/json' }, `{"comment":"${SECRET}`),
    service.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, { type: SECRET, reason: SECRET, comment: SECRET }),
  ]);
  for (const answer of refused) {
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.text).not.toContain(SECRET);
  }
  expect(service.log.text()).not.toContain(SECRET);
});
