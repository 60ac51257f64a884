import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../src/dev/development.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { TEST_SECRET } from '../harness/client.ts';
import { letTimePass } from '../harness/database.ts';
import { startProxy } from '../harness/programs/proxy.ts';
import { CLIENT, FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { listWorker } from '../harness/workers.ts';
import { command, commandsFor, rowsOf } from './command.ts';

const HOUR = 3_600_000;
const MANY = 103;
const SECRET = 'nobody-may-see-this';
const NOWHERE = '0198c5a0-0000-7000-8000-000000000000';

let service: Service;
let ops: ReturnType<typeof commandsFor>;

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
  ops = commandsFor(await service.listen());
});

/** A server that answers everything in one way; returns its address. */
async function pretender(status: number, type: string, body: string): Promise<string> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An address at which a server has stopped listening. */
async function addressThatIsClosed(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return `http://127.0.0.1:${port}`;
}

describe('status', () => {
  test('says how ready the service is, and who works', async () => {
    await listWorker(service.database, { instance: 'worker-2:7', ageMs: 3_600_000 });
    const dead = await ops(['status']);
    expect([dead.code, dead.err]).toEqual([0, '']);
    expect(dead.out).toMatch(/^worker +down: no worker lives/m);
    expect(rowsOf(dead.out).at(-1)).toEqual(['worker-2:7', '0.1.0', expect.any(String), expect.any(String), 'no']);
    await listWorker(service.database, { ageMs: -HOUR });
    const { status, worker, workers } = JSON.parse((await ops(['status', '--json'])).out);
    expect([status, worker]).toEqual(['ready', 'up']);
    expect(workers).toMatchObject([
      { instance: 'worker-1:7', alive: true },
      { instance: 'worker-2:7', alive: false },
    ]);
  });

  test('of a service without PostgreSQL is what it says of itself', async () => {
    const postgres = await startProxy(service.database.url);
    const away = await startService({ database: service.database, databaseUrl: postgres.url });
    const url = await away.listen();
    postgres.cut();
    const { code, out, err } = await ops(['status', '--url', url]);
    expect([code, rowsOf(out)[0]]).toEqual([1, ['status', 'unavailable']]);
    expect(err).toMatch(/^resolution-center: the service is unavailable: PostgreSQL is down[^\n]+\n$/);
    expect(rowsOf(out)).toContainEqual(['postgres', 'down']);
    expect(rowsOf(out)).toContainEqual(['worker', '-']);
  });
});

describe('holds that last', () => {
  test('are in the status, and begin and release say which others cover the same disputes', async () => {
    const quiet = await startService();
    const of = commandsFor(await quiet.listen());
    const begin = (...argv: string[]) => of(['hold', 'begin', '--json', ...argv]);
    const idOf = ({ out }: { out: string }) => (JSON.parse(out) as { id: string }).id;
    expect(rowsOf((await of(['status'])).out)).toContainEqual(['holds active', 'none']);

    const first = await begin('--note', 'Mail is down.');
    expect(first.err).toBe('');
    const second = await begin('--note', 'The same, begun by a colleague.');
    expect(second.err).toBe(
      `note: the hold ${idOf(first)} of all disputes, begun by developer, lasts and covers the same disputes\n`,
    );
    const ofOrder = await begin('--order', 'order-1', '--note', 'One order.');
    expect(ofOrder.err.split('\n')).toHaveLength(3);

    const status = (await of(['status'])).out;
    expect(rowsOf(status)).toContainEqual(['holds active', '3: no deadline takes effect']);
    expect(status).toContain('The same, begun by a colleague.');
    expect((await of(['deadlines'])).out).toMatch(/^holds active +3; one of all disputes since 20/m);

    const released = await of(['hold', 'release', idOf(first)]);
    expect([released.code, released.err]).toEqual([0, expect.stringContaining(`the hold ${idOf(second)} of all`)]);
    expect(
      rowsOf((await of(['hold', 'list', '--active'])).out)
        .slice(1)
        .map(([id]) => id),
    ).toEqual([idOf(ofOrder), idOf(second)]);
    expect((await of(['hold', 'release', idOf(second)])).err).toContain(`the hold ${idOf(ofOrder)} of order order-1`);
    expect(rowsOf((await of(['status'])).out)).toContainEqual([
      'holds active',
      '1: deadlines that they cover take no effect',
    ]);
    // Neither has a dispute in common with the hold of the order.
    const env = { DATABASE_URL: quiet.database.url };
    const apart = await command(['hold', 'begin', '--order', 'order-2', '--note', 'x', '--database'], { env });
    expect([apart.code, apart.err]).toEqual([0, '']);
    const same = await command(['hold', 'begin', '--order', 'order-2', '--note', 'x', '--database'], { env });
    expect(same.err).toContain('of order order-2');
  });
});

describe('deadlines', () => {
  test('are counted and listed, as far as they are asked for, page by page with a word on the way for people', async () => {
    const passed = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, passed.id, 49 * HOUR);
    for (let count = 0; count < MANY; count += 1) await seedDispute(service, 'order_update');
    const { code, out, err } = await ops(['deadlines']);
    expect([code, err]).toEqual([0, '']);
    const rows = rowsOf(out);
    expect(rows).toContainEqual(['holds active', '0']);
    expect(rows.slice(0, 2)).toEqual([
      ['pending', String(MANY)],
      ['overdue', '1'],
    ]);
    expect(rows.at(-2)).toEqual(['DUE', 'LATE (S)', 'TYPE', 'DISPUTE', 'ORDER']);
    expect(rows.at(-1)?.slice(2)).toEqual(['cancellation', passed.id, passed.orderId]);

    const all = await ops(['deadlines', '--state', 'pending', '--limit', '1000', '--json'], { isTTY: true });
    expect(JSON.parse(all.out).data).toHaveLength(MANY);
    expect(all.err).toContain('100 deadlines …');
    expect((await ops(['deadlines', '--state', 'pending', '--limit', '102'])).err).toBe('');
    expect((await ops(['deadlines', '--state', 'orphan_job'])).out).toMatch(/\nnone\n$/);
  });

  test('take effect when they are reconciled', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    await letTimePass(service.database, id, 49 * HOUR);
    const { code, out } = await ops(['reconcile', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ complete: true });
    expect(JSON.parse(out).settled).toBeGreaterThan(0);
    expect((await ops(['reconcile'])).out).toMatch(/^deadlines settled +0\ndeadlines that failed +0\njobs made again/);
    const [row] = await service.database.query('SELECT resolution FROM disputes WHERE id = $1', [id]);
    expect(row).toEqual({ resolution: 'expired' });
  });
});

describe('dispute show', () => {
  test('tells what happened to a dispute, and no comment', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`, { comment: 'Never.' });
    const { code, out } = await ops(['dispute', 'show', id]);
    expect(code).toBe(0);
    const rows = rowsOf(out);
    expect(rows).toEqual(
      expect.arrayContaining([
        ['dispute', id],
        ['order', orderId],
        ['opened by', `client ${CLIENT}`],
        ['resolution', 'declined'],
      ]),
    );
    expect(rows.slice(-2).map(([seq, , action, by]) => [seq, action, by])).toEqual([
      ['1', 'opened', `client ${CLIENT}`],
      ['2', 'declined', `freelancer ${FREELANCER}`],
    ]);
    const json = await ops(['dispute', 'show', id, '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ dispute: { id }, timeline: [{ seq: 1 }, { seq: 2 }] });
    expect(out + json.out).not.toMatch(/Never|Two weeks/);
  });

  test('ends with 1 where there is no such dispute', async () => {
    const { code, out, err } = await ops(['dispute', 'show', NOWHERE]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^resolution-center: 404 not_found: .+\n {2}requestId \S+\n$/);
  });
});

describe('holds', () => {
  test('are begun, listed and released; what others noted cannot command a terminal', async () => {
    const { id } = await seedDispute(service, 'order_change');
    const note = 'Mail is down.\nSince\u202e09:40.';
    const begun = await ops(['hold', 'begin', '--type', 'order_change', '--note', note, '--json']);
    const hold = JSON.parse(begun.out) as { id: string };
    expect([begun.code, hold]).toMatchObject([
      0,
      { type: 'order_change', status: 'active', createdBy: 'developer', note },
    ]);
    const listed = rowsOf((await ops(['hold', 'list'])).out);
    expect(listed[0]).toEqual(['HOLD', 'OF', 'STATUS', 'SINCE', 'RELEASED', 'HELD (S)', 'BY', 'NOTE']);
    expect(listed[1]?.[0]).toBe(hold.id);
    expect(listed[1]?.at(-1)).toBe('Mail is down. Since 09:40.');
    await letTimePass(service.database, id, 1);
    const released = await ops(['hold', 'release', hold.id]);
    expect([released.code, rowsOf(released.out)]).toEqual([
      0,
      expect.arrayContaining([
        ['hold', hold.id],
        ['of', 'order_change'],
        ['moved', '1 (all)'],
      ]),
    ]);
    expect((await ops(['hold', 'release', NOWHERE])).code).toBe(1);
  });

  test('may be of some orders', async () => {
    const { out } = await ops(['hold', 'begin', '--note', 'x', '--order', 'a', '--order', 'b', '--json']);
    expect(JSON.parse(out)).toMatchObject({ scope: 'orders', orderIds: ['a', 'b'] });
    await ops(['hold', 'release', JSON.parse(out).id]);
  });

  test('say what the service finds wrong', async () => {
    const { code, err } = await ops(['hold', 'begin', '--note', ' ']);
    expect([code, err]).toEqual([1, expect.stringContaining('400 validation_failed')]);
    expect(err).toContain('\n  /note Write something that can be seen;');
  });
});

describe('stats', () => {
  test('come as a table, as JSON and as CSV', async () => {
    const asTable = await ops(['stats', '--group-by', 'attribution']);
    const asJson = JSON.parse((await ops(['stats', '--group-by', 'attribution', '--json'])).out);
    const asCsv = await ops(['stats', '--group-by', 'attribution', '--csv']);
    expect([asTable.code, asCsv.code]).toEqual([0, 0]);
    const rows = rowsOf(asTable.out);
    expect(rows[2]?.slice(0, 3)).toEqual(['ATTRIBUTION', 'OPENED', 'ACCEPTED']);
    expect(rows.at(-1)?.slice(0, 2)).toEqual(['total', String(asJson.total.opened)]);
    expect(asCsv.out).toMatch(/^row,key,role,opened,.+\r\nattribution,freelancer,,/);
  });

  test('are of the time that is asked for', async () => {
    const { out } = await ops(['stats', '--from', '2026-01-01', '--to', '2026-01-02', '--json']);
    expect(JSON.parse(out)).toMatchObject({ from: '2026-01-01T00:00:00.000Z', data: [], total: { opened: 0 } });
    expect((await ops(['stats', '--from', '2026-01-02', '--to', '2026-01-01'])).code).toBe(1);
  });
});

describe('who asks', () => {
  test('is the subject of the token, from the option before the environment', async () => {
    const support = await mintToken(TEST_SECRET, { sub: 'support', scope: 'disputes:read' });
    const byOption = await ops(['hold', 'list', '--token', support], { env: { RESOLUTION_CENTER_TOKEN: 'x' } });
    expect([byOption.code, byOption.err]).toEqual([1, expect.stringContaining('403 forbidden')]);
    const byVariable = await ops(['hold', 'list'], { env: { RESOLUTION_CENTER_TOKEN: 'rubbish' } });
    expect([byVariable.code, byVariable.err]).toEqual([1, expect.stringContaining('401 unauthenticated')]);
    expect(byVariable.err).not.toContain('rubbish');
    const broken = await ops(['hold', 'list', '--token', `${SECRET}\nx`]);
    expect([broken.code, broken.err]).toEqual([
      2,
      'resolution-center: the token has characters in it that no token has\n',
    ]);
    const ofFile = await ops(['stats'], { env: { RESOLUTION_CENTER_TOKEN: `${support}\n` } });
    expect(ofFile.code).toBe(0);
  });

  test.each([
    ['in production', { NODE_ENV: 'production' }],
    ['where an issuer makes the tokens', { AUTH_JWKS_URL: 'https://login.example/jwks', AUTH_SECRET: '' }],
    ['where its keys are discovered', { AUTH_ISSUER: 'https://login.example', AUTH_SECRET: '' }],
    ['for a service elsewhere', { RESOLUTION_CENTER_URL: 'http://service.invalid' }],
  ])('has to be said %s', async (_where, env) => {
    const { code, err } = await ops(['hold', 'list'], { env });
    expect([code, err]).toEqual([2, expect.stringContaining('RESOLUTION_CENTER_TOKEN')]);
  });
});

describe('a service that cannot be reached', () => {
  test('ends a command with 3, and its name is said', async () => {
    const closed = await addressThatIsClosed();
    const { code, out, err } = await ops(['deadlines', '--url', closed]);
    expect([code, out]).toEqual([3, '']);
    expect(err).toBe(`resolution-center: ${closed} cannot be reached: no program listens there (ECONNREFUSED)\n`);
  });

  test('says in words that the address has the wrong scheme', async () => {
    const { host } = new URL(await pretender(200, 'text/html', ''));
    const { code, err } = await ops(['deadlines', '--url', `https://${host}`]);
    expect([code, err]).toEqual([
      3,
      expect.stringMatching(/does not answer by TLS; is its address http:\/\/\? \(\w+\)/),
    ]);
  });

  test.each([
    ['a proxy says that it is away', 502, 'text/html', '<h1>Bad Gateway</h1>', 3],
    ['something else answers', 200, 'text/html', '<h1>Welcome</h1>', 1],
    ['something else has no such address', 404, 'text/html', '<h1>Not here</h1>', 1],
  ])('or where %s', async (_what, status, type, body, expected) => {
    const url = await pretender(status, type, body);
    const { code, out, err } = await ops(['hold', 'list', '--url', url]);
    expect([code, out, err]).toEqual([expected, '', expect.stringContaining(url)]);
  });

  test('is told from one whose address is none', async () => {
    for (const url of ['ftp://x', 'here', `http://me:${SECRET}@127.0.0.1`]) {
      const { code, err } = await command(['hold', 'list', '--url', url, '--token', 'x']);
      expect([code, err]).toEqual([2, expect.stringContaining('--url must be an address')]);
      expect(err).not.toContain(SECRET);
    }
  });

  test('says nothing that commands a terminal', async () => {
    const problem = JSON.stringify({ code: 'not_found', detail: '\u001b[2JGone.', requestId: 'x' });
    const url = await pretender(404, 'application/problem+json', problem);
    const { code, err } = await ops(['hold', 'list', '--url', url]);
    expect([code, err]).toEqual([1, 'resolution-center: 404 not_found:  [2JGone.\n  requestId x\n']);
  });
});
