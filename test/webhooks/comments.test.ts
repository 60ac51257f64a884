import { pino } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { eraseDueComments } from '../../src/erasures/erasures.ts';
import { eraseComments } from '../../src/erasures/store.ts';
import { withTx } from '../../src/platform/postgres/database.ts';
import { claimDue, fanOut, recordOutcome } from '../../src/webhooks/deliver.ts';
import type { Answer } from '../harness/api/answer.ts';
import type { Client } from '../harness/client.ts';
import { letTimePass } from '../harness/database.ts';
import { seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import type { Dispute } from '../harness/types.ts';
import { waitFor } from '../harness/wait-for.ts';
import { digestOf } from '../proofs/access/tables.ts';
import {
  type Delivery,
  deliveriesOf,
  type EndpointWithSecret,
  LOCAL,
  settledDeliveries,
  subscribe,
} from './endpoints.ts';
import { type Reaction, startReceiver } from './receiver.ts';

const DAY_MS = 86_400_000;
const ENDPOINTS = '/v1/webhook-endpoints';

// In the first no worker changes a row between two looks at the tables; the second sends.
let still: Service;
let sending: Service;
beforeAll(async () => {
  still = await startService();
  sending = await startService({ role: 'all', env: LOCAL });
});

/** May manage endpoints, and read no comments. */
const manager = (service: Service) => service.withScopes('webhooks:manage');
const trusted = (service: Service) => service.withScopes('webhooks:manage', 'comments:read');

interface Target {
  readonly endpointId: string;
  readonly deliveryId: string;
}

/** Everything that can be done to an endpoint or a delivery of it. */
const CHANGES: Readonly<Record<string, (caller: Client, target: Target) => Promise<Answer<unknown>>>> = {
  'a new URL': (caller, { endpointId }) =>
    caller.patch(`${ENDPOINTS}/${endpointId}`, { url: 'https://elsewhere.example/' }),
  deactivation: (caller, { endpointId }) => caller.patch(`${ENDPOINTS}/${endpointId}`, { active: false }),
  activation: (caller, { endpointId }) => caller.patch(`${ENDPOINTS}/${endpointId}`, { active: true }),
  'other types': (caller, { endpointId }) => caller.patch(`${ENDPOINTS}/${endpointId}`, { types: ['dispute.opened'] }),
  'another description': (caller, { endpointId }) =>
    caller.patch(`${ENDPOINTS}/${endpointId}`, { description: 'Mine' }),
  'no comments any more': (caller, { endpointId }) =>
    caller.patch(`${ENDPOINTS}/${endpointId}`, { includeComments: false, url: 'https://elsewhere.example/' }),
  'a rotation of the secret': (caller, { endpointId }) => caller.post(`${ENDPOINTS}/${endpointId}/rotate-secret`),
  'a test': (caller, { endpointId }) => caller.post(`${ENDPOINTS}/${endpointId}/test`),
  'a replay': (caller, { endpointId }) => caller.post(`${ENDPOINTS}/${endpointId}/replay`, { after: 0 }),
  'a redelivery': (caller, { deliveryId }) => caller.post(`/v1/webhook-deliveries/${deliveryId}/redeliver`),
  deletion: (caller, { endpointId }) => caller.delete(`${ENDPOINTS}/${endpointId}`),
};

async function seedTarget(includeComments: boolean): Promise<Target> {
  const body = { url: 'https://mail.example/hooks', includeComments };
  const endpointId = (await trusted(still).post<{ id: string }>(ENDPOINTS, body)).body.id;
  const { body: delivery } = await trusted(still).post<{ id: string }>(`${ENDPOINTS}/${endpointId}/test`);
  return { endpointId, deliveryId: delivery.id };
}

const refusal = ({ status, code, problem }: Answer<unknown>) => ({ status, code, detail: problem.detail });
const NAMED = { status: 403, code: 'forbidden', detail: expect.stringContaining('comments:read') };

describe('an endpoint that receives comments', () => {
  test.each(Object.entries(CHANGES))('takes %s only from a token that may read comments', async (_name, change) => {
    const target = await seedTarget(true);
    const before = await digestOf(still.database);
    expect(refusal(await change(manager(still), target))).toEqual(NAMED);
    expect(await digestOf(still.database)).toEqual(before);
    expect((await change(trusted(still), target)).status).toBeLessThan(300);
  });

  test.each(Object.entries(CHANGES))('refuses %s if it begins to receive comments meanwhile', async (_name, change) => {
    const target = await seedTarget(false);
    const client = await still.deps.write.db.pool.connect();
    await client.query('BEGIN');
    await client.query('UPDATE webhook_endpoints SET include_comments = true WHERE id = $1', [target.endpointId]);
    const answer = change(manager(still), target);
    await waitFor('the change waits for the row', async () => {
      const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      return (await still.database.query(waiting)).length > 0;
    });
    await client.query('COMMIT');
    client.release();
    expect(refusal(await answer)).toEqual(NAMED);
  });

  test('gives no answer with a secret again to the same key of a token that may not read comments', async () => {
    const { endpointId } = await seedTarget(true);
    const rotate = (caller: Client) =>
      caller.post<EndpointWithSecret>(`${ENDPOINTS}/${endpointId}/rotate-secret`, {}, { 'idempotency-key': 'rotate' });
    const { secret } = (await rotate(trusted(still))).body;
    expect(refusal(await rotate(manager(still)))).toEqual(NAMED);
    expect((await rotate(trusted(still))).body.secret).toBe(secret);
  });

  test('takes comments away and gives them back only with the scope, and is managed by any token of webhooks:manage without them', async () => {
    const { endpointId } = await seedTarget(true);
    const path = `${ENDPOINTS}/${endpointId}`;
    expect((await trusted(still).patch(path, { includeComments: false })).status).toBe(200);
    expect((await manager(still).patch(path, { description: 'No comments.' })).status).toBe(200);
    expect(refusal(await manager(still).patch(path, { includeComments: true }))).toEqual(NAMED);
  });
});

let people = 0;

/** A dispute that was opened and declined with a text of its own. */
async function talk(service = sending): Promise<{ client: string; dispute: Dispute; text: string }> {
  people += 1;
  const [client, freelancer, text] = [`client-${people}`, `freelancer-${people}`, `Between us, no. ${people}.`];
  const order = await seedOrder(service, { clientId: client, freelancerId: freelancer }, `talk-${people}`);
  const body = { type: 'cancellation', reason: 'other', comment: text };
  const dispute = (await service.as(client).post<Dispute>(`/v1/orders/${order.id}/disputes`, body)).body;
  await service.as(freelancer).post(`/v1/disputes/${dispute.id}/decline`, {});
  return { client, dispute, text };
}

/** A receiver that repeats in its answer what it is sent. */
async function addEcho(over: object = {}) {
  const receiver = await startReceiver();
  receiver.react = ({ body }) => ({ status: 200, body: body.slice(-900) });
  const types = ['dispute.opened'];
  const endpoint = await subscribe(sending, receiver, { types, includeComments: true, ...over });
  return { receiver, endpoint };
}

async function responsesOf(caller: Client, endpointId: string): Promise<(string | null)[]> {
  const { body } = await caller.get<{ data: Delivery[] }>(`${ENDPOINTS}/${endpointId}/deliveries`);
  const alone = body.data.map(async ({ id }) => (await caller.get<Delivery>(`/v1/webhook-deliveries/${id}`)).body);
  const all = [...body.data, ...(await Promise.all(alone))];
  return all.flatMap(({ attempts }) => attempts.map(({ response }) => response));
}

const kept = async (text: string) =>
  (await sending.database.query(`SELECT FROM webhook_attempts WHERE response LIKE $1`, [`%${text}%`])).length;

describe('what a receiver of comments answered', () => {
  test('is shown to a token that may read comments and to no other, also once it receives none', async () => {
    const { endpoint } = await addEcho();
    const { text } = await talk();
    await settledDeliveries(sending, endpoint.id, 1);
    const echoed = [expect.stringContaining(text), expect.stringContaining(text)];
    expect(await responsesOf(trusted(sending), endpoint.id)).toEqual(echoed);
    expect(await responsesOf(manager(sending), endpoint.id)).toEqual([null, null]);
    await trusted(sending).patch(`${ENDPOINTS}/${endpoint.id}`, { includeComments: false });
    expect(await responsesOf(manager(sending), endpoint.id)).toEqual([null, null]);
    expect(await responsesOf(trusted(sending), endpoint.id)).toEqual(echoed);
  });

  test('before it received any is hidden while it does', async () => {
    const { endpoint } = await addEcho({ includeComments: false });
    await talk();
    await settledDeliveries(sending, endpoint.id, 1);
    expect((await responsesOf(manager(sending), endpoint.id)).every((response) => response !== null)).toBe(true);
    await trusted(sending).patch(`${ENDPOINTS}/${endpoint.id}`, { includeComments: true });
    expect(await responsesOf(manager(sending), endpoint.id)).toEqual([null, null]);
  });

  test('is not in the answer to a redelivery, which is kept for its key', async () => {
    const { endpoint } = await addEcho();
    await talk();
    const [delivery] = await settledDeliveries(sending, endpoint.id, 1);
    const again = await trusted(sending).post<Delivery>(`/v1/webhook-deliveries/${delivery?.id}/redeliver`);
    expect(again.body.attempts.map(({ response }) => response)).toEqual([null]);
  });

  test('is erased with the comments of a user, whatever message of the order it came to', async () => {
    const { endpoint } = await addEcho({ types: null });
    const { client, dispute, text } = await talk();
    const test = await trusted(sending).post<Delivery>(`${ENDPOINTS}/${endpoint.id}/test`);
    // An event of an earlier order that was not numbered when the endpoint was added comes to it as well.
    const own = await waitFor('the messages of the order and the test are over', async () => {
      const all = await deliveriesOf(sending, endpoint.id);
      const some = all.filter(({ id, orderId }) => orderId === dispute.orderId || id === test.body.id);
      return some.length === 5 && some.every(({ finishedAt }) => finishedAt !== null) && some;
    });
    expect(await kept(text)).toBeGreaterThan(0);
    await sending.withScopes('ops').post('/v1/ops/erasures', { userId: client });
    expect(await kept(text)).toBe(0);
    for (const { id } of own) {
      const { attempts } = (await trusted(sending).get<Delivery>(`/v1/webhook-deliveries/${id}`)).body;
      expect(attempts).toMatchObject([{ statusCode: 200, response: null }]);
    }
  });

  test('is erased with comments whose time is over', async () => {
    const { endpoint } = await addEcho();
    const { dispute, text } = await talk();
    await settledDeliveries(sending, endpoint.id, 1);
    await letTimePass(sending.database, dispute.id, 31 * DAY_MS);
    const { write, eraseCopies } = sending.deps.app.http;
    await eraseDueComments({ db: write.db, eraseCopies, log: pino({ level: 'silent' }) }, 30 * DAY_MS);
    expect(await kept(text)).toBe(0);
  });

  test('is not kept if the comment was erased while the attempt was under way', async () => {
    const { receiver, endpoint } = await addEcho();
    let answer: (reaction: Reaction) => void = () => {};
    receiver.react = ({ body }) =>
      new Promise((resolve) => (answer = () => resolve({ status: 200, body: body.slice(-900) })));
    const { client, text } = await talk();
    const { body } = await waitFor('the attempt is under way', () => receiver.received[0]);
    expect(body).toContain(text);
    await sending.withScopes('ops').post('/v1/ops/erasures', { userId: client });
    answer({ status: 200 });
    const [delivery] = await settledDeliveries(sending, endpoint.id, 1);
    expect(delivery?.status).toBe('delivered');
    expect(await kept(text)).toBe(0);
  });

  test('is not kept if the erasure of the comment was not committed yet when the attempt began', async () => {
    const { write, eraseCopies } = still.deps.app.http;
    const types = ['dispute.opened'];
    const body = { url: 'https://mail.example/late', types, includeComments: true };
    const { id } = (await trusted(still).post<{ id: string }>(ENDPOINTS, body)).body;
    const { client, text } = await talk(still);
    await fanOut({ ...write, log: pino({ level: 'silent' }) });
    const scope = { erasable: { userId: client, requestedAt: Date.now() + DAY_MS }, except: [], only: null };
    const [claimed] = await withTx(write.db, async (tx) => {
      expect((await eraseComments(tx, scope, 100, eraseCopies)).comments).toBe(1);
      return await claimDue(write, id);
    });
    if (claimed === undefined) throw new Error('no delivery was due');
    expect(claimed.entry?.comment).toBe(text);
    const answer = { durationMs: 1, statusCode: 200, error: null, text, retryAfter: null };
    await recordOutcome(write, id, [{ claimed, answer }]);
    const [delivery] = (await trusted(still).get<{ data: Delivery[] }>(`${ENDPOINTS}/${id}/deliveries`)).body.data;
    expect(delivery?.attempts).toMatchObject([{ statusCode: 200, response: null }]);
  });
});
