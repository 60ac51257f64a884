import { request } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { takeWalk } from '../../docs/walk.ts';
import { openStream } from '../../harness/api/event-stream.ts';
import { fetchFrom } from '../../harness/api/transport.ts';
import { type Clients, createClients, TEST_SECRET } from '../../harness/client.ts';
import { startProcess } from '../../harness/process.ts';
import { CLIENT, FREELANCER, seedDispute } from '../../harness/seed.ts';
import { SANDBOX } from '../../harness/test-clocks.ts';
import type { Dispute } from '../../harness/types.ts';
import { hasNginx, startNginx } from './nginx.ts';

// A skipped test says why: without nginx (Debian: apt-get install nginx) there is none to go through.
const proxied = hasNginx ? describe : describe.skip;

const CHECKOUT = join(import.meta.dirname, '../../..');
const LIMIT = 5;

proxied('through nginx, configured as docs/proxies.md says (needs nginx)', () => {
  let url: string;
  let clients: Clients;
  beforeAll(async () => {
    const service = await startProcess({ role: 'api', env: { ...SANDBOX, PROXY_HOPS: '1' } });
    url = await startNginx(service.url);
    const send = fetchFrom(url);
    // The document says what the service sends. What nginx makes of it when it compresses is looked at below.
    clients = createClients((asked) =>
      send({ ...asked, headers: { 'accept-encoding': 'identity', ...asked.headers } }),
    );
  });

  /** The tag of a dispute as it is without compression. */
  const tagOf = async (id: string, sub: string) => {
    const answer = await clients.as(sub).get<Dispute>(`/v1/disputes/${id}`);
    expect(answer.headers['etag']).toBe(answer.body.etag);
    return answer.body.etag;
  };
  const authorized = async (sub: string) => `Bearer ${await mintToken(TEST_SECRET, { sub })}`;

  test('the walk of the README gives what it says', async () => {
    const { printed, promised } = await takeWalk(url, CHECKOUT, { AUTH_SECRET: TEST_SECRET });
    expect(printed).toEqual(promised);
  });

  test('a tag that nginx made weak holds, and no longer does once there is another', async () => {
    const { id } = await seedDispute(clients, 'cancellation');
    const headers = { authorization: await authorized(FREELANCER) };
    const compressed = await fetch(`${url}/v1/disputes/${id}`, { headers });
    const tag = compressed.headers.get('etag') ?? '';
    expect([compressed.headers.get('content-encoding'), tag]).toEqual(['gzip', `W/${await tagOf(id, FREELANCER)}`]);
    await compressed.text();
    const revalidated = await fetch(`${url}/v1/disputes/${id}`, { headers: { ...headers, 'if-none-match': tag } });
    expect([revalidated.status, await revalidated.text()]).toEqual([304, '']);
    const comment = () =>
      clients.as(FREELANCER).post<Dispute>(`/v1/disputes/${id}/comments`, { comment: 'Soon.' }, { 'if-match': tag });
    expect((await comment()).status).toBe(200);
    const refused = await comment();
    expect(refused).toMatchObject({ status: 412, code: 'version_mismatch' });
    expect(refused.problem.dispute?.etag).toBe(await tagOf(id, FREELANCER));
  });

  test('lists come compressed by the service, and the document is answered 304', async () => {
    for (let n = 0; n < 2; n += 1) await seedDispute(clients, 'cancellation');
    const headers = { authorization: await authorized(CLIENT) };
    const list = await fetch(`${url}/v1/disputes`, { headers });
    expect([list.headers.get('content-encoding'), list.headers.get('etag')]).toEqual(['gzip', null]);
    expect(((await list.json()) as { data: Dispute[] }).data.length).toBeGreaterThan(1);
    const tag = (await fetch(`${url}/openapi.json`)).headers.get('etag') ?? '';
    expect((await fetch(`${url}/openapi.json`, { headers: { 'if-none-match': tag } })).status).toBe(304);
  });

  test('a stream passes each message on as it comes, uncompressed', async () => {
    const { id, orderId } = await seedDispute(clients, 'cancellation');
    for (const followed of [orderId, null]) {
      const stream = await openStream(url, followed, { sub: CLIENT, headers: { 'accept-encoding': 'gzip' } });
      expect([stream.status, stream.headers.get('content-encoding')]).toEqual([200, null]);
      expect((await stream.next())?.event).toBe('ready');
      await clients.as(FREELANCER).post(`/v1/disputes/${id}/comments`, { comment: 'Look.' });
      expect((await stream.next())?.event).toBe('dispute.comment_added');
      stream.hangUp();
    }
  });
});

/** Sends a request with a bad token from an address of this machine, and gives the status. */
function fail(url: string, localAddress: string, forwardedFor: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer none', 'x-forwarded-for': forwardedFor };
    const sent = request(`${url}/v1/disputes`, { headers, localAddress, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject);
    sent.end();
  });
}

proxied('failed authentications through nginx (needs nginx)', () => {
  test('count for the address that nginx saw, whatever the caller says of itself', async () => {
    const env = { PROXY_HOPS: '1', RATE_LIMIT_PER_MINUTE: String(LIMIT) };
    const service = await startProcess({ role: 'api', env });
    const url = await startNginx(service.url);
    const statuses = [];
    for (let n = 0; n <= 2 * LIMIT; n += 1) statuses.push(await fail(url, '127.0.0.2', `203.0.113.${n}`));
    expect(statuses).toContain(429);
    expect(await fail(url, '127.0.0.3', '203.0.113.1')).toBe(401);
  });
});
