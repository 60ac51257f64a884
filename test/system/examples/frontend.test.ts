import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Running, startProcess } from '../../harness/process.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { hasChromium, openPage, startBrowser } from '../browser/chromium.ts';
import { startExample, written } from './processes.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) no page is shown.
const browsing = hasChromium ? describe : describe.skip;

let frontend: Running;
let browser: Browser;

/** The service must know the origin of the frontend, and the frontend the address of the service. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

browsing('the example of a frontend in Chromium', () => {
  beforeAll(async () => {
    const port = await freePort();
    const env = { CORS_ORIGINS: `http://127.0.0.1:${port}` };
    const [service, started] = await Promise.all([startProcess({ env }), startBrowser()]);
    frontend = await startExample('frontend', service.url, port);
    browser = started;
  });

  /** Opens the page of one party, at the address that the example has written. */
  async function open(path: '/' | '/react', as: 'client' | 'freelancer') {
    const address = new RegExp(`^http://127\\.0\\.0\\.1:\\d+${path}\\?order=\\S+&as=${as}$`, 'm');
    const [url] = await written(frontend, address);
    const opened = await openPage(browser);
    await opened.page.goto(url);
    return opened;
  }

  test('shows one order to both parties, in plain HTML and in React, under a strict policy', async () => {
    const [client, freelancer] = [await open('/', 'client'), await open('/react', 'freelancer')];
    const shows = (page: typeof client.page, status: string) =>
      waitFor(`the page shows ${status}`, async () => (await page.locator('output').textContent()) === status);
    await Promise.all([shows(client.page, 'in_progress'), shows(freelancer.page, 'in_progress')]);

    await client.page.getByRole('radio', { name: 'progress update' }).check();
    await client.page.getByRole('button', { name: 'Continue' }).click();
    await client.page.getByRole('button', { name: 'Send request' }).click();
    await Promise.all([shows(client.page, 'in_dispute'), shows(freelancer.page, 'in_dispute')]);
    expect([...client.complaints, ...freelancer.complaints]).toEqual([]);
  });

  test('says that the session is over when there is no token', async () => {
    const { page } = await open('/', 'client');
    await page.goto(page.url().replace('as=client', 'as=a-stranger'));
    await page.getByText('Your session is over.').waitFor();
  });

  test('gives no token to a page that reaches it by another name', async () => {
    const [url] = await written(frontend, /http:\S+/);
    const { port } = new URL(url);
    const ask = get({ host: '127.0.0.1', port, path: '/token', headers: { host: `attacker.example:${port}` } });
    const [answer] = (await once(ask, 'response')) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(404);
  });

  test('ends with its signal', async () => {
    frontend.child.kill('SIGTERM');
    expect(await frontend.exited).toEqual({ code: 0, signal: null });
  });
});
