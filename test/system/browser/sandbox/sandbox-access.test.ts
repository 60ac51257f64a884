import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ServiceProcess, startProcess } from '../../../harness/process.ts';
import { LONG } from '../../../harness/run/long.ts';
import { startReceiver } from '../../../webhooks/receiver.ts';
import { findings } from '../axe.ts';
import { closePages, hasChromium, openPage, startBrowser } from '../chromium.ts';
import { button } from '../element/element-page.ts';
import { act, compose, openSandboxPage, startSandbox } from './sandbox-page.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there is no page to look at.
const browsing = hasChromium ? describe : describe.skip;

const TIMEOUT_MS = 600_000;

interface Look {
  readonly name: string;
  readonly width: number;
  readonly isDark: boolean;
  readonly dir: 'ltr' | 'rtl';
  /** All rules, unless some are named: most know neither colours nor sizes. */
  readonly rules: readonly string[];
}

const LOOKS: readonly Look[] = [
  { name: 'light', width: 1_300, isDark: false, dir: 'ltr', rules: [] },
  {
    name: 'dark, at 360 px, right to left',
    width: 360,
    isDark: true,
    dir: 'rtl',
    rules: ['color-contrast', 'target-size', 'scrollable-region-focusable'],
  },
];
/** The second one differs in colours and widths alone. */
const SHOWN = LOOKS.slice(0, LONG ? 2 : 1);

browsing('the page at / for people who do not see it well', { timeout: TIMEOUT_MS }, () => {
  let service: ServiceProcess;
  let browser: Browser;
  beforeAll(async () => {
    [service, browser] = await Promise.all([startSandbox(), startBrowser()]);
  }, TIMEOUT_MS);
  afterEach(() => closePages(browser));

  /** Looks at states one after the other, and says what axe objects to in each. */
  function createLooks(rules: readonly string[]) {
    const found: Record<string, readonly string[]> = {};
    return {
      look: async (page: Page, state: string) => {
        // At 360 px nothing may reach beyond the edge either.
        const { scroll, width } = await page.evaluate<{ scroll: number; width: number }>(
          '({ scroll: document.documentElement.scrollWidth, width: innerWidth })',
        );
        found[state] = [...(await findings(page, 'html', rules)), ...(scroll > width ? [`${scroll} px wide`] : [])];
      },
      expectNothing: () => expect(found).toEqual(Object.fromEntries(Object.keys(found).map((state) => [state, []]))),
    };
  }

  const turn = (page: Page, dir: string) => page.evaluate(`document.documentElement.dir = '${dir}'`);

  test.each(SHOWN)(
    'has nothing that axe objects to while an order is made, disputed and settled: $name',
    async (one) => {
      const { look, expectNothing } = createLooks(one.rules);
      const receiver = await startReceiver();
      const stage = await openSandboxPage(browser, service.url, one);
      const { page, client, freelancer, webhooks } = stage;
      await turn(page, one.dir);
      await look(page, 'a new order, without events');
      await compose(client, 'Ask to cancel the order');
      await compose(freelancer, 'Ask for more time or extras');
      await button(freelancer, 'Add an extra').click();
      await look(page, 'forms');
      for (const party of [client, freelancer]) await button(party, 'Send request').click();
      await freelancer.getByText('This is required.').first().waitFor();
      await look(page, 'forms with errors');
      await button(freelancer, 'Back').click();
      await client.getByLabel('Comment').fill('Two weeks late.');
      await button(client, 'Send request').click();
      await button(freelancer, 'Accept cancellation').waitFor();
      for (const party of [client, freelancer]) await party.getByText('Other requests').click();
      await stage.events.getByText('dispute.opened').waitFor();
      await look(page, 'an open request');
      await webhooks.getByLabel('Send the calls to').fill(receiver.url);
      await button(webhooks, 'Add').click();
      receiver.secrets.push((await webhooks.getByText(/^whsec_/).textContent()) ?? '');
      await act(client, 'Add a comment', 'Please answer.');
      await webhooks.locator('[data-status="delivered"]').first().waitFor();
      await look(page, 'the secret of an endpoint, and its calls');
      await stage.skip('24 hours');
      await look(page, 'what the time brought about');
      await button(freelancer, 'Decline').click();
      await freelancer.getByRole('dialog').getByText('The order becomes').waitFor();
      await look(page, 'a confirmation');
      await page.route('**/decline', (route) => route.fulfill({ status: 500, json: { code: 'internal_error' } }));
      await button(freelancer.getByRole('dialog'), 'Decline').click();
      await freelancer.getByRole('dialog').getByRole('alert').waitFor();
      await look(page, 'a confirmation that failed');
      await page.unroute('**/decline');
      await page.keyboard.press('Escape');
      await act(freelancer, 'Accept cancellation');
      await client.getByText('Cancelled by agreement').waitFor();
      await look(page, 'an order for which nothing can be asked');
      await stage.makeOrder('Late');
      await button(page.locator('body'), 'Skip time').waitFor();
      await page.route('**/v1/orders/*', (route) => route.fulfill({ status: 422, json: { detail: 'It is refused.' } }));
      await stage.report('Completed');
      await page.getByText('It is refused.').waitFor();
      await look(page, 'a report that is refused');
      expectNothing();
    },
  );

  test.each(SHOWN)('has nothing that axe objects to while there is nothing to show: $name', async (one) => {
    const { look, expectNothing } = createLooks(one.rules);
    const { page } = await openSandboxPage(browser, service.url, one);
    const client = page.locator('#client');
    await turn(page, one.dir);
    await page.context().setOffline(true);
    await client.getByText('You are offline.').waitFor();
    await look(page, 'offline');
    await page.context().setOffline(false);
    await client.getByText('You are offline.').waitFor({ state: 'detached' });
    let answer = () => {};
    const isAsked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route('**/resolution-center', async (route) => {
      await isAsked;
      await route.fulfill({ status: 500, json: { code: 'internal_error', requestId: '0198' } });
    });
    await page.evaluate("location.hash = 'no-such-order'");
    await client.getByRole('status').first().waitFor();
    await look(page, 'loading');
    answer();
    await client.getByRole('alert').waitFor();
    await look(page, 'an order that cannot be read');
    await page.unroute('**/resolution-center');
    for (const party of ['#client', '#freelancer']) await button(page.locator(party), 'Try again').click();
    await client.getByText('There is no such order.').waitFor();
    await look(page, 'no such order');
    expectNothing();
  });

  test('has nothing that axe objects to where it asks for tokens', async () => {
    const { url } = await startProcess({ env: { MODE: 'sandbox' } });
    for (const { rules, dir, ...size } of LOOKS) {
      const { look, expectNothing } = createLooks(rules);
      const { page } = await openPage(browser, size);
      await page.goto(url);
      await turn(page, dir);
      await page.getByLabel('Token of the client').fill('no token');
      await look(page, 'tokens');
      expectNothing();
    }
  });
});
