import { SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { SCOPES } from '../../../src/application/caller.ts';
import { mintToken } from '../../../src/dev/development.ts';
import { EVENT_STREAM } from '../../../src/http/endpoint/media-types.ts';
import { document } from '../../harness/api/document.ts';
import { routesOf } from '../../harness/api/routes.ts';
import { type Client, type Clients, TEST_SECRET } from '../../harness/client.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { ISSUER, inSeconds } from '../../http/auth/issuer.ts';
import { EXPECTATIONS, type Row, type Scene } from './expectations.ts';
import { digestOf } from './tables.ts';

interface Documented {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  readonly 'x-callers'?: readonly string[];
  readonly security: readonly unknown[];
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
) as unknown as readonly Documented[];

const STRANGER = 'user-1';
const USERS = { stranger: STRANGER, client: CLIENT, freelancer: FREELANCER };

let service: Service;
let clients: Clients;
/** All callers, by name. */
let callers: Readonly<Record<string, Client>>;

const rowOf = (operationId: string): Row => {
  const row = EXPECTATIONS[operationId];
  if (row === undefined) throw new Error(`expectations.ts has no row for ${operationId}`);
  return row;
};

async function bearer(sub: string, scope?: string, over: object = {}): Promise<Client> {
  const token = await mintToken(TEST_SECRET, { sub, scope }, { issuer: ISSUER, ...over });
  return service.withAuthorization(`Bearer ${token}`);
}

async function expired(sub: string): Promise<Client> {
  const token = new SignJWT({ sub, iss: ISSUER, exp: inSeconds(-10) }).setProtectedHeader({ alg: 'HS256' });
  return service.withAuthorization(`Bearer ${await token.sign(new TextEncoder().encode(TEST_SECRET))}`);
}

/** A token that a program got for itself, with the scopes of another service alone. */
async function program(): Promise<Client> {
  const claims = { sub: 'a-program', client_id: 'a-program', scope: 'openid mail:send', iss: ISSUER };
  const token = new SignJWT({ ...claims, exp: inSeconds(600) }).setProtectedHeader({ alg: 'HS256' });
  return service.withAuthorization(`Bearer ${await token.sign(new TextEncoder().encode(TEST_SECRET))}`);
}

beforeAll(async () => {
  service = await startService({ env: { AUTH_ISSUER: ISSUER, MODE: 'sandbox' } });
  const users = Object.entries(USERS).map(async ([name, sub]) => [name, await bearer(sub)] as const);
  const services = SCOPES.map(async (scope) => [scope, await bearer('a-service', scope)] as const);
  const nobodies = {
    nobody: service.withAuthorization(null),
    expired: await expired(CLIENT),
    'wrong issuer': await bearer(CLIENT, undefined, { issuer: 'https://evil.example' }),
  };
  const programs = { 'a program without scopes': await program() };
  callers = { ...nobodies, ...programs, ...Object.fromEntries(await Promise.all([...users, ...services])) };
  const bySub = new Map(Object.entries(USERS).map(([name, sub]) => [sub, callers[name]]));
  const known = (client: Client | undefined): Client => {
    if (client === undefined) throw new Error('a caller is not in the matrix');
    return client;
  };
  clients = {
    as: (sub) => known(bySub.get(sub)),
    withScopes: (scope = 'ops') => known(callers[scope]),
    withAuthorization: service.withAuthorization,
  };
});

/** A new order, and what else the requests of a row are about. */
async function setTheScene({ dispute, hold = false, webhook = false, clock = false }: Row): Promise<Scene> {
  const { id: orderId } = await seedOrder(clients);
  const disputeId = dispute === undefined ? '' : (await seedDispute(clients, dispute, { orderId })).id;
  const hooked = webhook ? await addWebhook() : { endpointId: '', deliveryId: '' };
  return {
    orderId,
    disputeId,
    holdId: hold ? await beginHold() : '',
    clockId: clock ? await addClock() : '',
    ...hooked,
  };
}

async function addWebhook(): Promise<{ endpointId: string; deliveryId: string }> {
  // A deployment has a hundred endpoints at most, and there are more cells than that.
  await service.database.query('DELETE FROM webhook_endpoints');
  const manager = clients.withScopes('webhooks:manage');
  const url = 'https://mail.example/hooks';
  const endpointId = (await manager.post<{ id: string }>('/v1/webhook-endpoints', { url })).body.id;
  const sent = await manager.post<{ id: string }>(`/v1/webhook-endpoints/${endpointId}/test`);
  return { endpointId, deliveryId: sent.body.id };
}

async function addClock(): Promise<string> {
  return (await clients.withScopes('test:clocks').post<{ id: string }>('/v1/test-clocks')).body.id;
}

async function beginHold(): Promise<string> {
  return (await clients.withScopes('ops').post<{ id: string }>('/v1/ops/holds', { note: 'Mail is down.' })).body.id;
}

function expectedOf({ stranger, client, freelancer, services = {}, open }: Row): Record<string, number> {
  const nobody = open ? 200 : 401;
  // What services may do whatever their scopes are, a program without scopes may do, too.
  const [forAll = 403] = SCOPES.every((scope) => services[scope] !== undefined) ? Object.values(services) : [];
  return {
    'a program without scopes': open ? 200 : forAll,
    ...{ nobody, expired: nobody, 'wrong issuer': nobody },
    ...{ stranger, client, freelancer },
    ...Object.fromEntries(SCOPES.map((scope) => [scope, services[scope] ?? 403])),
  };
}

/** The request of a row, and a digest of all that there is when it is sent. */
async function prepare(row: Row) {
  const request = row.request(await setTheScene(row));
  return { request, before: await digestOf(service.database) };
}

/**
 * The status that each caller gets. After a refusal, which changes nothing, the next caller meets the same scene; after anything
 * else a new one, so that no cell depends on another.
 */
async function statusesOf({ method }: Documented, row: Row): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {};
  let scene = await prepare(row);
  for (const [name, client] of Object.entries(callers)) {
    const { path, body } = scene.request;
    const headers = {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(row.isStream && { accept: EVENT_STREAM }),
    };
    const { status } = await client.send(method, path, headers, body === undefined ? undefined : JSON.stringify(body));
    if (status >= 400) expect([name, await digestOf(service.database)]).toEqual([name, scene.before]);
    else scene = await prepare(row);
    statuses[name] = status;
  }
  return statuses;
}

describe('the matrix of operations and callers', () => {
  test('has a row for each operation of the document, and for nothing else', () => {
    expect(new Set(Object.keys(EXPECTATIONS))).toEqual(new Set(operations.map(({ operationId }) => operationId)));
  });

  test('covers every route that there is', () => {
    const found = routesOf(service.app);
    const documented = operations.map(({ method, path }) => `${method} ${path}`);
    const stray = found.filter((route) => !documented.includes(route) && !route.startsWith('HEAD '));
    // The pages and the web component are for every caller; the queue board has a gate and a test of its own.
    expect(stray.filter((route) => !/^GET \/($|(docs|ui)(\/|$))|^[A-Z]+ \/ops\/queues(\/|$)/.test(route))).toEqual([]);
    expect(found).toEqual(expect.arrayContaining(documented));
  });

  test.each(operations.map((operation) => [operation.operationId, operation] as const))(
    '%s answers each caller as it should, and changes nothing where it refuses',
    async (operationId, operation) => {
      const row = rowOf(operationId);
      expect(await statusesOf(operation, row)).toEqual(expectedOf(row));
    },
  );

  test.each(operations.map((operation) => [operation.operationId, operation] as const))(
    '%s says in the document who may call it',
    (operationId, operation) => {
      const { client, freelancer, services = {}, open } = rowOf(operationId);
      if (open) return expect([operation.security, operation['x-callers']]).toEqual([[], undefined]);
      const scopes = SCOPES.filter((scope) => (services[scope] ?? 403) < 400);
      const isForParties = Math.min(client, freelancer) < 400;
      const isForAll = scopes.length === SCOPES.length && isForParties;
      const said = isForAll ? ['any'] : [...(isForParties ? ['party'] : []), ...scopes];
      return expect([operation.security, operation['x-callers']]).toEqual([[{ bearer: [] }], said]);
    },
  );

  test('what is not yours looks exactly like what does not exist', async () => {
    const { id: orderId } = await seedOrder(clients);
    const dispute = await seedDispute(clients, 'cancellation', { orderId });
    const stranger = clients.as(STRANGER);
    const pairs = [
      [`/v1/orders/${orderId}`, '/v1/orders/no-such-order'],
      [`/v1/orders/${orderId}/disputes`, '/v1/orders/no-such-order/disputes'],
      [`/v1/disputes/${dispute.id}`, '/v1/disputes/0198c5a0-0000-7000-8000-000000000000'],
    ] as const;
    for (const [theirs, missing] of pairs) {
      const answers = await Promise.all([stranger.get(theirs), stranger.get(missing)]);
      const [one, other] = answers.map(({ problem: { instance: _instance, requestId: _id, ...rest } }) => rest);
      expect(one).toEqual(other);
    }
  });

  test('a token that names scopes of others is a user, and one that names an unknown one gets no more', async () => {
    const { id: orderId } = await seedOrder(clients);
    const loggedIn = await bearer(STRANGER, 'openid profile');
    expect((await loggedIn.get(`/v1/orders/${orderId}`)).status).toBe(404);
    const greedy = await bearer('a-service', 'ops:all disputes:read* DISPUTES:READ');
    expect((await greedy.get('/v1/ops/holds')).status).toBe(403);
    expect((await greedy.get(`/v1/orders/${orderId}`)).status).toBe(404);
  });

  test('a service whose subject is a party sees no more than its scope allows', async () => {
    const { id: orderId } = await seedOrder(clients);
    const asService = await bearer(CLIENT, 'events:read');
    expect((await asService.get(`/v1/orders/${orderId}`)).status).toBe(403);
    expect((await asService.get(`/v1/orders/${orderId}/resolution-center`)).status).toBe(403);
  });
});
