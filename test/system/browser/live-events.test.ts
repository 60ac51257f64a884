import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { blocks, section } from '../../docs/readme.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { hasChromium, startBrowser } from './chromium.ts';
import { servePages } from './pages.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there are no tabs to open.
const browsing = hasChromium ? describe : describe.skip;

const TABS = 7; // one more than the connections that a browser has per host over HTTP/1.1

let service: ServiceProcess;
let context: BrowserContext;
let origin: string;
let token: string;

beforeAll(async () => {
  if (!hasChromium) return;
  const pages = await servePages();
  origin = pages.origin;
  service = await startProcess({ role: 'api', env: { CORS_ORIGINS: origin } });
  token = await mintToken(TEST_SECRET, { sub: CLIENT });
  const [sample] = blocks(section('All tabs over one connection', 'docs/integrate-frontend.md')).filter(
    ({ language }) => language === 'js',
  );
  pages.files.set('/page.js', String(sample?.code).replace('http://127.0.0.1:3000', service.url));
  pages.files.set(
    '/live-events.js',
    await readFile(join(import.meta.dirname, '../../../examples/frontend/live-events.js'), 'utf8'),
  );
  context = await (await startBrowser()).newContext();
});

/** Opens a tab that runs the sample of docs/integrate-frontend.md. */
async function openTab(): Promise<Page> {
  const page = await context.newPage();
  await page.goto(origin);
  await page.evaluate(`
    globalThis.told = { states: [], orders: [], resets: 0 };
    globalThis.session = { userId: ${JSON.stringify(CLIENT)}, token: async () => ${JSON.stringify(token)} };
    globalThis.showState = (state) => globalThis.told.states.push(state);
    globalThis.readAll = () => { globalThis.told.resets += 1; };
    globalThis.readOrders = (ids) => globalThis.told.orders.push(...ids);
  `);
  await page.addScriptTag({ type: 'module', url: '/page.js' });
  return page;
}

interface Told {
  readonly states: readonly string[];
  readonly orders: readonly string[];
  readonly resets: number;
}
const toldTo = (page: Page) => page.evaluate<Told>('globalThis.told');
const isLive = async (page: Page) => (await toldTo(page)).states.at(-1) === 'live';

async function streamsOpen(): Promise<number> {
  const { text } = await service.withAuthorization(null).get('/metrics');
  return Number(/^event_streams_open\{kind="user"\} (\d+)$/m.exec(text)?.[1]);
}

browsing('the sample of the documents in Chromium', () => {
  test('gives all tabs of a user the events over one connection, over HTTP/1.1, and leaves room for requests', async () => {
    const tabs: Page[] = [];
    for (let count = 0; count < TABS; count += 1) tabs.push(await openTab());
    for (const tab of tabs) await waitFor('each tab is live', () => isLive(tab));
    expect(await streamsOpen()).toBe(1);

    const { orderId } = await seedDispute(service, 'cancellation');
    for (const tab of tabs) {
      await waitFor('each tab is told', async () => (await toldTo(tab)).orders.includes(orderId));
      expect(await toldTo(tab)).toMatchObject({ states: ['connecting', 'live'], resets: 1 });
    }
    const read = `fetch(${JSON.stringify(`${service.url}/v1/orders/${orderId}`)},
      { headers: { Authorization: ${JSON.stringify(`Bearer ${token}`)} } }).then(({ status }) => status)`;
    expect(await Promise.all(tabs.map((tab) => tab.evaluate(read)))).toEqual(tabs.map(() => 200));

    // The first tab leads. While none does, an event is written: the next one goes on behind what it was told.
    const [leader, ...others] = tabs;
    await leader?.close();
    const { orderId: another } = await seedDispute(service, 'cancellation');
    for (const tab of others) {
      await waitFor('each tab is told', async () => (await toldTo(tab)).orders.includes(another));
      expect((await toldTo(tab)).resets).toBe(1);
    }
    await waitFor('one connection is left', async () => (await streamsOpen()) === 1);
  });
});
