import { deepStrictEqual } from 'node:assert/strict';
import { build } from 'esbuild';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { startBrowser } from '../../system/browser/chromium.ts';
import { hasNginx, startNginx } from '../../system/proxies/nginx.ts';
import type { Stage, Tool } from './tool.ts';

const OPENED = ['ready', 'dispute.opened', 'order.status_changed'];
const WITHDRAWN = ['dispute.withdrawn', 'order.status_changed'];
const START_MS = 60_000;

/** The stream of all orders of a user, through nginx as docs/proxies.md configures it. */
async function streamThroughNginx({ service }: Stage): Promise<{ readonly url: string; readonly token: string }> {
  if (!hasNginx) throw new Error('nginx is not on this machine (Debian: apt-get install nginx)');
  const url = `${await startNginx(service.url)}/v1/events/stream`;
  return { url, token: await mintToken(TEST_SECRET, { sub: CLIENT }) };
}

/** Opens and withdraws a dispute once a client is ready, and waits until it has seen all of that and nothing else. */
async function followStory({ service }: Stage, seen: () => Promise<string[]>): Promise<void> {
  await waitFor('the stream is ready', async () => (await seen()).length > 0, START_MS);
  const { id } = await seedDispute(service, 'cancellation');
  await waitFor('the dispute is opened', async () => (await seen()).length >= OPENED.length);
  await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
  await waitFor('the dispute is withdrawn', async () => (await seen()).length >= OPENED.length + WITHDRAWN.length);
  deepStrictEqual(await seen(), [...OPENED, ...WITHDRAWN]);
}

async function followInNode(stage: Stage): Promise<string> {
  const { url, token } = await streamThroughNginx(stage);
  const listener = stage.toolbox.start('node', ['sources/listen.mjs', url, token]);
  await followStory(stage, async () => listener.stdout().split('\n').filter(Boolean));
  return 'works: each event once, in order; the token is sent by its option `fetch`';
}

async function followInBrowser(stage: Stage): Promise<string> {
  const { url, token } = await streamThroughNginx(stage);
  const bundle = await build({
    stdin: {
      contents: `export { fetchEventSource } from '@microsoft/fetch-event-source';`,
      resolveDir: stage.toolbox.directory,
    },
    bundle: true,
    format: 'esm',
    write: false,
  });
  stage.pages.files.set('/client.js', bundle.outputFiles[0]?.text ?? '');
  const page = await (await startBrowser()).newPage();
  await page.goto(stage.pages.origin);
  await page.evaluate(
    `import('/client.js').then(({ fetchEventSource }) => {
      globalThis.seen = [];
      void fetchEventSource(${JSON.stringify(url)}, {
        headers: { Authorization: ${JSON.stringify(`Bearer ${token}`)} },
        onmessage: ({ event, data }) => { JSON.parse(data); globalThis.seen.push(event); },
        onerror: (error) => { globalThis.seen.push(String(error)); throw error; },
      });
    })`,
  );
  await followStory(stage, () => page.evaluate<string[]>('globalThis.seen'));
  return 'works: each event once, in order, in a page of another origin; no message without data';
}

/** Clients of server-sent events. */
export const STREAM_CLIENTS: readonly Tool[] = [
  {
    name: 'eventsource',
    packages: ['eventsource'],
    done: '`GET /v1/events/stream` through nginx, in Node',
    tryOut: followInNode,
  },
  {
    name: '@microsoft/fetch-event-source',
    packages: ['@microsoft/fetch-event-source'],
    done: '`GET /v1/events/stream` through nginx, in headless Chromium',
    tryOut: followInBrowser,
  },
];
