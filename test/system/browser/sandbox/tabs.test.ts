import type { BrowserContext, Locator, Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ServiceProcess } from '../../../harness/process.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { hasChromium, startBrowser } from '../chromium.ts';
import { button } from '../element/element-page.ts';
import { compose, openSandboxPage, type SandboxPage, startSandbox } from './sandbox-page.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there are no tabs to open.
const browsing = hasChromium ? describe : describe.skip;

const TABS = 7; // one more than the connections that a browser has per host over HTTP/1.1
const PARTIES = 2;
const TIMEOUT_MS = 600_000;

browsing('seven tabs of the page at /, over HTTP/1.1', { timeout: TIMEOUT_MS }, () => {
  let service: ServiceProcess;
  let context: BrowserContext;
  let tabs: SandboxPage[];
  beforeAll(async () => {
    const [started, browser] = await Promise.all([startSandbox(), startBrowser()]);
    service = started;
    context = await browser.newContext();
    tabs = await Promise.all(Array.from({ length: TABS }, () => openSandboxPage(context, service.url)));
  }, TIMEOUT_MS);

  const streamsAre = (count: number) =>
    waitFor(`${count} streams are open`, async () => {
      const text = await (await fetch(`${service.url}/metrics`)).text();
      return text.includes(`event_streams_open{kind="user"} ${count}\n`);
    });
  const see = async (shown: readonly SandboxPage[], status: string) => {
    const parties: Locator[] = shown.flatMap(({ client, freelancer }) => [client, freelancer]);
    for (const party of parties) await party.locator('header').getByText(status, { exact: true }).waitFor();
  };
  /** Headless, every page is visible: hides or shows one as a browser does with the tabs behind. */
  const turn = (page: Page, isHidden: boolean) =>
    page.evaluate(`
      Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
      Object.defineProperty(document, 'visibilityState', { configurable: true, value: '${isHidden ? 'hidden' : 'visible'}' });
      document.dispatchEvent(new Event('visibilitychange'));
    `);

  test('share one stream for each party, and each shows what happens to its order', async () => {
    await streamsAre(PARTIES);
    await Promise.all(
      tabs.map(async ({ client }) => {
        await compose(client, 'Ask for a progress update');
        await button(client, 'Send request').click();
      }),
    );
    await see(tabs, 'In dispute');
    expect(tabs.flatMap(({ complaints }) => complaints())).toEqual([]);
  });

  test('go on when the tab that reads the stream is closed', async () => {
    const [first, ...others] = tabs;
    await first?.page.close();
    tabs = others;
    await streamsAre(PARTIES);
    await Promise.all(tabs.map((tab) => tab.report('Delivered')));
    await see(tabs, 'Delivered');
  });

  test('read no stream while they are hidden, and show what happened meanwhile when they are shown', async () => {
    for (const { page } of tabs) await turn(page, true);
    await streamsAre(0);
    await Promise.all(tabs.map((tab) => tab.report('Completed')));
    for (const { page } of tabs) await turn(page, false);
    await see(tabs, 'Completed');
    await streamsAre(PARTIES);
  });
});
