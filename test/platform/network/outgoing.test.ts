import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { openOutgoing } from '../../../src/platform/network/outgoing.ts';
import { isPublicAddress, urlFault } from '../../../src/platform/network/public-address.ts';
import { onCleanup } from '../../harness/cleanup.ts';

/** A listener on loopback that must never be connected to. */
let canary: { port: number; connections: () => number };

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  let count = 0;
  const server = createServer((_request, response) => response.end('the canary'));
  server.on('connection', () => {
    count += 1;
  });
  canary = { port: await listen(server), connections: () => count };
});

/** URLs that strangers try; PORT is the canary's. */
const HOSTILE = [
  // as they are
  'http://127.0.0.1:PORT/',
  'https://127.0.0.1:PORT/',
  'https://127.0.0.1/',
  'https://localhost/',
  'https://localhost:PORT/',
  'https://LOCALHOST/',
  'https://localhost./',
  'https://foo.localhost/',
  'https://printer.local/',
  'https://metadata.google.internal/',
  // written in other ways
  'https://127.1/',
  'https://127.0.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://127.000.000.001/',
  'https://127。0。0。1/',
  'https://①②⑦.⓪.⓪.①/',
  'https://127.0.0.1./',
  'https://0/',
  'https://0.0.0.0/',
  'https://0.0.0.0:PORT/',
  // private and special ranges
  'https://10.0.0.1/',
  'https://10.255.255.255/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://100.64.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://192.0.0.1/',
  'https://192.0.2.1/',
  'https://198.18.0.1/',
  'https://198.51.100.1/',
  'https://203.0.113.1/',
  'https://224.0.0.1/',
  'https://240.0.0.1/',
  'https://255.255.255.255/',
  // IPv6
  'https://[::1]/',
  'https://[::1]:PORT/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b:1::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[2001::7f00:1]/',
  'https://[2001:db8::1]/',
  'https://[fe80::1]/',
  'https://[fc00::1]/',
  'https://[fd00:ec2::254]/',
  'https://[fec0::1]/',
  'https://[ff02::1]/',
  'https://[100::1]/',
  // other ways in
  'http://example.com/',
  'https://user:password@example.com/',
  'https://example.com@127.0.0.1/',
  'https://example.com:22/',
  'https://example.com:6379/',
  'https://example.com/#fragment',
  'ftp://example.com/',
  'file:///etc/passwd',
  'gopher://127.0.0.1:6379/_FLUSHALL',
  'data:text/plain,hello',
  'javascript:alert(1)',
  'unix:/var/run/docker.sock',
  'https://',
  'https:///etc/passwd',
  '//127.0.0.1/',
  '127.0.0.1',
  '',
  `https://example.com/${'x'.repeat(3_000)}`,
];

const post = (url: string) => ({ url, headers: {}, body: '{}' });

describe('an endpoint on the inside', () => {
  test(`is refused at once, in ${HOSTILE.length} ways of writing it`, () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(60);
    const taken = HOSTILE.filter((url) => urlFault(url.replace('PORT', '8443'), false) === null);
    expect(taken).toEqual([]);
  });

  test('is not connected to, whatever got it past the first look', async () => {
    const outgoing = openOutgoing({ allowInsecure: false });
    onCleanup(outgoing.close);
    const answers = await Promise.all(
      HOSTILE.map((url) => outgoing.post(post(url.replace('PORT', String(canary.port))))),
    );
    expect(answers.filter(({ statusCode }) => statusCode !== null)).toEqual([]);
    expect(canary.connections()).toBe(0);
  });

  test.each([
    ['127.0.0.1'],
    ['10.1.2.3'],
    ['169.254.169.254'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['fd00::1'],
    ['64:ff9b::7f00:1'],
  ])('is not connected to under a public name that resolves to %s', async (address) => {
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(null, [{ address, family: address.includes(':') ? 6 : 4 }] as never);
    const outgoing = openOutgoing({ allowInsecure: false, lookup });
    onCleanup(outgoing.close);
    const answer = await outgoing.post(post(`https://public.example:8443/`));
    expect(answer).toMatchObject({ statusCode: null, error: 'the address is not a public one' });
    expect(canary.connections()).toBe(0);
  });

  test('is not connected to where one of several addresses is on the inside', async () => {
    const addresses = [
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const lookup: LookupFunction = (_name, _options, callback) => callback(null, addresses as never);
    const outgoing = openOutgoing({ allowInsecure: false, lookup });
    onCleanup(outgoing.close);
    expect((await outgoing.post(post('https://public.example/'))).error).toBe('the address is not a public one');
  });
});

/** A name server that gives the first address to the first question, and the second to all later ones. */
async function startNameServer(first: readonly number[], later: readonly number[]) {
  const socket = createSocket('udp4');
  let questions = 0;
  socket.on('message', (query, { port, address }) => {
    const end = query.indexOf(0, 12) + 5;
    const isA = query.readUInt16BE(end - 4) === 1;
    const bytes = questions === 0 ? first : later;
    if (isA) questions += 1;
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(isA ? 1 : 0, 6);
    head.writeUInt16BE(0, 8);
    head.writeUInt16BE(0, 10);
    const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...bytes]);
    socket.send(isA ? Buffer.concat([head, record]) : head, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onCleanup(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  const lookup: LookupFunction = (name, _options, callback) =>
    resolver.resolve4(name, (error, found = []) =>
      callback(error, found.map((address) => ({ address, family: 4 })) as never),
    );
  return { lookup, questions: () => questions };
}

test('a name server that answers publicly first and then 127.0.0.1 is not connected to', async () => {
  const { lookup, questions } = await startNameServer([93, 184, 216, 34], [127, 0, 0, 1]);
  // It asks once by itself, as a program would that checks a name before using it.
  await new Promise((resolve) => lookup('rebinding.example', {}, resolve));
  const outgoing = openOutgoing({ allowInsecure: false, lookup });
  onCleanup(outgoing.close);
  for (let time = 0; time < 3; time += 1) {
    const { statusCode, error } = await outgoing.post(post('https://rebinding.example:8443/'));
    expect({ statusCode, error }).toEqual({ statusCode: null, error: 'the address is not a public one' });
  }
  expect(questions()).toBe(4);
  expect(canary.connections()).toBe(0);
});

test.each([['93.184.216.34'], ['8.8.8.8'], ['2606:2800:220:1:248:1893:25c8:1946'], ['::ffff:8.8.8.8']])(
  '%s is public',
  (address) => {
    expect(isPublicAddress(address)).toBe(true);
  },
);

describe('an answer', () => {
  const receive = async (handle: Parameters<typeof createServer>[1]) => {
    const port = await listen(createServer(handle as never));
    const outgoing = openOutgoing({ allowInsecure: true });
    onCleanup(outgoing.close);
    return await outgoing.post(post(`http://127.0.0.1:${port}/`));
  };

  test('that leads elsewhere is not followed', async () => {
    const answer = await receive(((
      _request: unknown,
      response: { writeHead: (...args: unknown[]) => { end: () => void } },
    ) => response.writeHead(302, { location: `http://127.0.0.1:${canary.port}/` }).end()) as never);
    expect(answer.statusCode).toBe(302);
    expect(canary.connections()).toBe(0);
  });

  test('whose body never ends counts by its status, with the text that has come', async () => {
    const answer = await receive(((_request: unknown, response: NodeJS.WritableStream) => {
      response.write('thanks');
    }) as never);
    expect(answer).toMatchObject({ statusCode: 200, error: null, text: 'thanks' });
  });

  test('whose body is cut counts by its status, with the text that has come', async () => {
    const answer = await receive(((
      _request: unknown,
      response: NodeJS.WritableStream & { writeHead: (...args: unknown[]) => void; destroy: () => void },
    ) => {
      response.writeHead(202, { 'content-length': '1000', 'retry-after': '7' });
      response.write('thanks', () => response.destroy());
    }) as never);
    expect(answer).toMatchObject({ statusCode: 202, error: null, text: 'thanks', retryAfter: '7' });
  });

  test('without an end is read only up to the length that is kept', async () => {
    const answer = await receive(((_request: unknown, response: NodeJS.WritableStream) => {
      const more = () => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', more);
      };
      more();
    }) as never);
    expect(answer).toMatchObject({ statusCode: 200, text: 'x'.repeat(1_000) });
  });
});
