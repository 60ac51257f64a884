import type { Browser, Page } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceProcess } from '../../../harness/process.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../../harness/seed.ts';
import { findings } from '../axe.ts';
import { closePages, hasChromium } from '../chromium.ts';
import type { Pages } from '../pages.ts';
import { button, heading, openElementPage, startElementStage } from './element-page.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there is no page to look at.
const browsing = hasChromium ? describe : describe.skip;

/** What has the focus, inside of the element that has it. */
const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(`(() => {
    const inner = document.activeElement?.shadowRoot?.activeElement;
    return inner?.getAttribute('aria-label') ?? inner?.labels?.[0]?.textContent?.trim() ?? inner?.textContent?.trim() ?? '';
  })()`);

browsing('<resolution-center> for people who do not see it, or use no mouse', () => {
  let service: ServiceProcess;
  let browser: Browser;
  let pages: Pages;
  beforeAll(async () => {
    ({ service, browser, pages } = await startElementStage());
  });
  afterEach(() => closePages(browser));

  test.each([
    ['light', false, []],
    // The other rules know no colours.
    ['dark', true, ['color-contrast']],
  ])('has nothing that axe objects to in any state, in the %s scheme', async (_scheme, isDark, rules) => {
    const { id: orderId } = await seedOrder(service);
    const { page, client, freelancer } = await openElementPage(browser, pages, { orderId, api: service.url, isDark });
    const found: Record<string, string[]> = {};
    const look = async (state: string) => {
      found[state] = await findings(page, 'main', rules);
    };
    await client.getByRole('radio', { name: 'Ask to cancel the order' }).check();
    await look('choice');
    await button(client, 'Continue').click();
    await freelancer.getByRole('radio', { name: 'Ask for more time or extras' }).check();
    await button(freelancer, 'Continue').click();
    await button(freelancer, 'Add an extra').click();
    for (const party of [client, freelancer]) await button(party, 'Send request').click();
    await client.getByText('This is required.').waitFor();
    await look('forms with faults');
    await seedDispute(service, 'cancellation', { orderId });
    await heading(freelancer, 'The client asks to cancel the order').waitFor();
    await page.reload();
    await client.getByText('Other requests').click();
    await look('open request');
    await button(freelancer, 'Accept cancellation').click();
    await freelancer.getByRole('dialog').waitFor();
    await look('confirmation');
    await button(freelancer.getByRole('dialog'), 'Accept cancellation').click();
    await client.getByText('Cancelled by agreement').waitFor();
    await look('cancelled order');
    await page.evaluate("document.querySelector('#client').orderId = 'no-such-order'");
    await client.getByText('There is no such order.').waitFor();
    await look('no such order');
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((state) => [state, []])));
  });

  test('goes by keyboard from the choice to the answer, and keeps the focus where the work is', async () => {
    const { id: orderId } = await seedOrder(service);
    const client = await openElementPage(browser, pages, { orderId, api: service.url, parties: ['client'] });
    const press = async (page: Page, ...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    await client.client.getByRole('radio').first().waitFor();
    await press(client.page, 'Tab', 'ArrowDown', 'Tab', 'Enter');
    expect(await focused(client.page)).toBe('Ask to cancel the order');
    await press(client.page, 'Tab', 'Tab', 'Tab', 'Enter');
    expect(await focused(client.page)).toBe('Comment');
    await client.page.keyboard.type('Two weeks late.');
    await press(client.page, 'Tab', 'Enter');
    await heading(client.client, 'You asked to cancel the order').waitFor();
    // What is shown and what has the focus follow one after the other.
    await expect.poll(() => focused(client.page)).toBe('You asked to cancel the order');

    const freelancer = await openElementPage(browser, pages, { orderId, api: service.url, parties: ['freelancer'] });
    await button(freelancer.freelancer, 'Accept cancellation').waitFor();
    await press(freelancer.page, 'Tab', 'Tab', 'Enter');
    await freelancer.freelancer.getByRole('dialog').waitFor();
    await press(freelancer.page, 'Escape');
    await freelancer.freelancer.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused(freelancer.page)).toBe('Decline');
    await press(freelancer.page, 'Enter');
    await freelancer.page.keyboard.type('Nearly done.');
    await freelancer.freelancer.getByText('The order becomes').waitFor();
    await press(freelancer.page, 'Tab', 'Enter');
    await freelancer.freelancer.getByText('In progress').waitFor();
    // The status and what has the focus are shown one after the other.
    await expect.poll(() => focused(freelancer.page)).not.toBe('');
  });

  test('tells a screen reader of the request and the time that is left, and nothing every second', async () => {
    const { id: orderId } = await seedOrder(service);
    const { page, freelancer } = await openElementPage(browser, pages, {
      orderId,
      api: service.url,
      parties: ['freelancer'],
    });
    await freelancer.getByRole('radio').first().waitFor();
    await page.evaluate(`{
      const region = document.querySelector('#freelancer').shadowRoot.querySelector('[data-live]');
      globalThis.said = [];
      new MutationObserver(() => said.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
    }`);
    const { id } = await seedDispute(service, 'cancellation', { orderId });
    await freelancer.getByRole('timer').filter({ hasText: '47:59:5' }).waitFor();
    expect(await page.evaluate('said')).toEqual([
      expect.stringMatching(
        /^The client asks to cancel the order\. Time left: 48 hours\. Respond by .* the order is cancelled\.$/,
      ),
    ]);
    await service.as(CLIENT).post(`/v1/disputes/${id}/withdraw`);
    await freelancer.getByRole('timer').waitFor({ state: 'detached' });
  });

  test.each([
    ['ltr', 'en'],
    ['rtl', 'ar'],
  ] as const)('scrolls nothing sideways at 360 px, %s', async (dir, lang) => {
    const { orderId } = await seedDispute(service, 'order_change', { opener: FREELANCER });
    const { page, client } = await openElementPage(browser, pages, {
      orderId,
      api: service.url,
      width: 360,
      dir,
      lang,
    });
    await client.getByRole('timer').waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });

  test.each([
    ['ltr', 'left'],
    ['rtl', 'right'],
  ] as const)('has each line of the history beside its dot, %s', async (dir, side) => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const { page, client, freelancer } = await openElementPage(browser, pages, { orderId, api: service.url, dir });
    for (const element of [client, freelancer]) await element.locator('.timeline li').first().waitFor();
    const gaps = await page.evaluate<number[]>(`
      [...document.querySelectorAll('resolution-center')].flatMap(({ shadowRoot }) =>
        [...shadowRoot.querySelectorAll('.timeline li')].map((line) => {
          const dot = getComputedStyle(line, '::before').${side};
          const range = document.createRange();
          range.selectNodeContents(line.querySelector('p'));
          const text = range.getBoundingClientRect().${side};
          return Math.abs(text - line.getBoundingClientRect().${side}) - parseFloat(dot);
        }))`);
    expect(gaps.length).toBeGreaterThan(1);
    expect(gaps).toEqual(gaps.map(() => 20));
  });
});
