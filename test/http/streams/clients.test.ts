import { build } from 'esbuild';
import { EventSource, type FetchLike } from 'eventsource';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { CLIENT, seedDispute, seedOrder } from '../../harness/seed.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { hasChromium, startBrowser } from '../../system/browser/chromium.ts';
import { servePages } from '../../system/browser/pages.ts';

const OPENED = ['ready', 'dispute.opened', 'order.status_changed'];

let origin: string;
let files: Map<string, string>;
let service: ServiceProcess;
let token: string;

beforeAll(async () => {
  ({ origin, files } = await servePages());
  service = await startProcess({ role: 'api', env: { CORS_ORIGINS: origin } });
  token = await mintToken(TEST_SECRET, { sub: CLIENT });
});

describe('clients that others wrote', () => {
  test('eventsource gets the events, and goes on behind the last one after a restart of the service', async () => {
    const { id: orderId } = await seedOrder(service);
    const seen: string[] = [];
    const starts: (string | null)[] = [];
    const withToken: FetchLike = (url, init) => {
      const headers = { ...init?.headers, Authorization: `Bearer ${token}` };
      starts.push(new Headers(headers).get('last-event-id'));
      return fetch(url, { ...init, headers });
    };
    const source = new EventSource(`${service.url}/v1/events/stream`, { fetch: withToken });
    onCleanup(async () => source.close());
    for (const type of [...OPENED, 'dispute.withdrawn', 'message']) {
      source.addEventListener(type, ({ data }) => {
        JSON.parse(data);
        seen.push(type);
      });
    }
    await waitFor('it is ready', () => seen.includes('ready'));
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    await waitFor('it is told', () => seen.length >= 3);
    expect(seen).toEqual(OPENED);

    const port = new URL(service.url).port;
    await service.stop();
    service = await startProcess({
      role: 'api',
      database: service.database,
      env: { PORT: port, CORS_ORIGINS: origin },
    });
    await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    await waitFor('it is told', () => seen.includes('dispute.withdrawn'));
    await waitFor('it is told', () => seen.length >= 6);
    expect(seen).toEqual([...OPENED, 'ready', 'dispute.withdrawn', 'order.status_changed']);
    expect([starts[0], /^\d+$/.test(starts.at(-1) ?? '')]).toEqual([null, true]);
  });

  // A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there is no page to run it.
  (hasChromium ? test : test.skip)(
    '@microsoft/fetch-event-source in a page of another origin gets no message without data',
    async () => {
      const bundle = await build({
        stdin: {
          contents: `export { fetchEventSource } from '@microsoft/fetch-event-source';`,
          resolveDir: import.meta.dirname,
        },
        bundle: true,
        format: 'esm',
        write: false,
      });
      files.set('/client.js', bundle.outputFiles[0]?.text ?? '');
      const page = await (await startBrowser()).newPage();
      await page.goto(origin);
      await page.evaluate(
        `import('/client.js').then(({ fetchEventSource }) => {
          globalThis.seen = [];
          void fetchEventSource(${JSON.stringify(`${service.url}/v1/events/stream`)}, {
            headers: { Authorization: ${JSON.stringify(`Bearer ${token}`)} },
            onmessage: ({ event, data }) => { JSON.parse(data); globalThis.seen.push(event); },
            onerror: (error) => { globalThis.seen.push(String(error)); throw error; },
          });
        })`,
      );
      const seen = () => page.evaluate<string[]>('globalThis.seen');
      await waitFor('it is ready', async () => (await seen()).includes('ready'));
      await seedDispute(service, 'cancellation');
      await waitFor('it is told', async () => (await seen()).length >= 3);
      expect(await seen()).toEqual(OPENED);
    },
  );
});
