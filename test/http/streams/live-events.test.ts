import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { onCleanup } from '../../harness/cleanup.ts';
import { waitFor } from '../../harness/wait-for.ts';

interface Options {
  readonly api: string;
  readonly userId: string;
  readonly token: (how: { readonly fresh: boolean }) => Promise<string>;
  readonly onEvents: (events: readonly unknown[]) => void;
  readonly onReset: () => void;
  readonly onState: (state: string) => void;
}

const { followEvents } = (await import(join(import.meta.dirname, '../../../examples/frontend/live-events.js'))) as {
  readonly followEvents: (options: Options) => () => void;
};

type Script = (response: ServerResponse, request: IncomingMessage) => void;

/** A service that answers its n-th request by the n-th script, and every later one by the last. */
async function startScripted(...scripts: readonly Script[]) {
  const requests: { readonly at: number; readonly token: string; readonly after: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const { authorization = '', 'last-event-id': after } = request.headers;
    requests.push({ at: performance.now(), token: authorization.slice('Bearer '.length), after: after?.toString() });
    scripts[Math.min(requests.length, scripts.length) - 1]?.(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

const refuse =
  (status: number, headers: Readonly<Record<string, string>> = {}): Script =>
  (response) =>
    response.writeHead(status, headers).end('{}');

const ready = (position: number) => `retry: 10\nid: ${position}\nevent: ready\ndata: {"position":${position}}\n\n`;
const event = (id: number) => `id: ${id}\nevent: dispute.opened\ndata: {"seq":${id}}\n\n`;

const stream =
  (text: string, { thenEnd = false } = {}): Script =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(text);
    if (thenEnd) response.end();
  };

let users = 0;

/** Follows a scripted service as a page would, and writes down what the page is told. */
function watch(api: string) {
  const told: { states: string[]; batches: number[][]; resets: number } = { states: [], batches: [], resets: 0 };
  users += 1;
  const stop = followEvents({
    api,
    userId: `user-${users}`,
    token: async ({ fresh }) => (fresh ? 'fresh' : 'first'),
    onEvents: (events) => void told.batches.push(events.map((one) => (one as { seq: number }).seq)),
    onReset: () => {
      told.resets += 1;
    },
    onState: (state) => void told.states.push(state),
  });
  onCleanup(async () => stop());
  return told;
}

describe('the example of a page that follows the events of a user', () => {
  test('tells that it is live, to read once, and in one call what comes in one go', async () => {
    const service = await startScripted(stream(`${ready(7)}${event(8)}: heartbeat\n${event(9)}${event(12)}`));
    const told = watch(service.url);
    await waitFor('the events arrive', () => told.batches.length > 0);
    expect(told).toEqual({ states: ['connecting', 'live'], batches: [[8, 9, 12]], resets: 1 });
  });

  test('tells to read again within two seconds when deadlines are held, or no longer', async () => {
    const refresh = 'event: refresh\ndata: {"reason":"hold"}\n\n';
    const service = await startScripted(stream(`${ready(7)}${event(8)}${refresh}`));
    const told = watch(service.url);
    await waitFor('it has told so', () => told.resets === 2);
    expect(told).toMatchObject({ states: ['connecting', 'live'], batches: [[8]] });
  });

  test('goes on behind the last event after a break, and takes none twice', async () => {
    const service = await startScripted(
      stream(`${ready(7)}${event(8)}event: end\ndata: {"reason":"lifetime"}\n\n`, { thenEnd: true }),
      stream(`${ready(8)}${event(8)}${event(9)}`),
    );
    const told = watch(service.url);
    await waitFor('the events arrive', () => told.batches.flat().includes(9));
    expect(service.requests.map(({ after }) => after)).toEqual([undefined, '8']);
    expect(told).toMatchObject({ states: ['connecting', 'live', 'connecting', 'live'], resets: 1 });
    // Whether the break comes between two batches or within one is a matter of time.
    expect(told.batches.flat()).toEqual([8, 9]);
  });

  test('says that it is offline while it waits, and waits for as long as Retry-After says', async () => {
    const service = await startScripted(refuse(503, { 'retry-after': '1' }), stream(ready(7)));
    const told = watch(service.url);
    await waitFor('it is live', () => told.states.includes('live'));
    const [refused, accepted] = service.requests;
    expect(Number(accepted?.at) - Number(refused?.at)).toBeGreaterThanOrEqual(1_000);
    expect(told.states).toEqual(['connecting', 'offline', 'live']);
  });

  test('tries a fresh token once, and is signed out when that is refused, too', async () => {
    const service = await startScripted(refuse(401));
    const told = watch(service.url);
    await waitFor('it is signed out', () => told.states.includes('signed out'));
    expect(service.requests.map(({ token }) => token)).toEqual(['first', 'fresh']);
    expect(told).toEqual({ states: ['connecting', 'signed out'], batches: [], resets: 0 });
  });

  test('goes on with the fresh token if that is accepted', async () => {
    const service = await startScripted(refuse(401), stream(`${ready(7)}${event(8)}`));
    const told = watch(service.url);
    await waitFor('the event arrives', () => told.batches.length > 0);
    expect(told.states).toEqual(['connecting', 'live']);
  });

  test('is signed out by 403 at once', async () => {
    const service = await startScripted(refuse(403));
    const told = watch(service.url);
    await waitFor('it is signed out', () => told.states.includes('signed out'));
    expect(service.requests).toHaveLength(1);
  });

  test('begins anew, and has the page read again, where the position was lost', async () => {
    const service = await startScripted(
      stream(`${ready(70)}${event(80)}`, { thenEnd: true }),
      refuse(409),
      stream(`${ready(7)}${event(8)}`),
    );
    const told = watch(service.url);
    await waitFor('the event arrives', () => told.batches.flat().includes(8));
    expect(service.requests.map(({ after }) => after)).toEqual([undefined, '80', undefined]);
    expect(told.resets).toBe(2);
  });
});
