import type { Locator } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../../src/dev/development.ts';
import { TEST_SECRET } from '../../../harness/client.ts';
import { startProcess } from '../../../harness/process.ts';
import { LONG } from '../../../harness/run/long.ts';
import { startReceiver } from '../../../webhooks/receiver.ts';
import { hasChromium, openPage } from '../chromium.ts';
import { button, heading, tokenOf } from '../element/element-page.ts';
import { act, compose, type SandboxStage, startSandboxStage } from './sandbox-page.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there is no page to look at.
const browsing = hasChromium ? describe : describe.skip;

const TIMEOUT_MS = 600_000;

browsing('the rules, on the page at / with both parties of an order', { timeout: TIMEOUT_MS }, () => {
  let stage: SandboxStage;
  let client: Locator;
  let freelancer: Locator;
  beforeAll(async () => {
    stage = await startSandboxStage();
    ({ client, freelancer } = stage);
  }, TIMEOUT_MS);

  afterEach(() => {
    expect(stage.complaints()).toEqual([]);
  });

  const both = [() => client, () => freelancer];
  const seeBoth = async (text: string) => {
    for (const party of both) await party().getByText(text, { exact: true }).first().waitFor();
  };
  const see = async (party: Locator, name: string) => await heading(party, name).waitFor();

  const askUpdate = async () => {
    await compose(client, 'Ask for a progress update');
    await button(client, 'Send request').click();
    await see(freelancer, 'The client asks for a progress update');
  };
  const askToCancel = async () => {
    await compose(client, 'Ask to cancel the order');
    await client.getByLabel('Comment').fill('Two weeks late.');
    await button(client, 'Send request').click();
    await see(freelancer, 'The client asks to cancel the order');
  };
  /** Has the freelancer ask for a later date and an extra. @returns the date, as the page shows it */
  const askForChange = async (days: number, time = '17:00') => {
    const clock = await stage.page.locator('.clock time').getAttribute('datetime');
    const date = new Date(Date.parse(clock ?? '') + days * 86_400_000).toISOString().slice(0, 10);
    await compose(freelancer, 'Ask for more time or extras');
    await freelancer.getByLabel('New delivery date').fill(`${date}T${time}`);
    await button(freelancer, 'Add an extra').click();
    await freelancer.getByLabel('What is added').fill('Source files');
    await freelancer.getByLabel('Price in USD').fill('15');
    await button(freelancer, 'Send request').click();
    await see(client, 'The freelancer asks to change the order');
    return date;
  };

  test('order_update: answered with an update, the order goes on', async () => {
    await stage.makeOrder();
    await askUpdate();
    await seeBoth('In dispute');
    await button(freelancer, 'Send an update').click();
    const dialog = freelancer.getByRole('dialog');
    await button(dialog, 'Send an update').click();
    await dialog.getByText('This is required.').waitFor();
    await button(dialog, 'Back').click();
    await act(freelancer, 'Send an update', 'The draft comes on Friday.');
    await see(client, 'The freelancer sent an update');
    await client.getByText('The draft comes on Friday.').waitFor();
    await seeBoth('In progress');
  });

  test.runIf(LONG)('order_update: answered by the delivery', async () => {
    await stage.makeOrder();
    await askUpdate();
    await stage.report('Delivered');
    for (const party of both) await see(party(), 'Answered by the delivery');
    await seeBoth('Delivered');
  });

  test.runIf(LONG)('order_update: closed by silence', async () => {
    await stage.makeOrder('Late');
    await askUpdate();
    await stage.skip('48 hours');
    await see(client, 'Closed: the freelancer did not respond within 48 hours');
    await see(freelancer, 'Closed: you did not respond within 48 hours');
    await seeBoth('Late');
  });

  test('cancellation: accepted, the order is cancelled for good', async () => {
    await stage.makeOrder();
    await askToCancel();
    await act(freelancer, 'Accept cancellation', 'Sorry.');
    await see(client, 'Cancelled: the freelancer agreed');
    await seeBoth('Cancelled by agreement');
    await seeBoth('This order is cancelled. There is nothing left to settle.');
  });

  test("the freelancer's cancellation needs a reason; declined, the order goes on", async () => {
    await stage.makeOrder('In revision');
    await compose(freelancer, 'Ask to cancel the order');
    await button(freelancer, 'Send request').click();
    await freelancer.getByText('This is required.').waitFor();
    await freelancer.getByLabel('Reason').selectOption('unable_to_complete');
    await button(freelancer, 'Send request').click();
    await see(client, 'The freelancer asks to cancel the order');
    await act(client, 'Decline', 'Please go on.');
    await see(freelancer, 'The client declined the cancellation');
    await seeBoth('In revision');
  });

  test('cancellation: cancelled by silence at the deadline, and not before', async () => {
    await stage.makeOrder();
    await askToCancel();
    await stage.skip('24 hours');
    await freelancer.getByRole('timer').filter({ hasText: '24:00:00' }).waitFor();
    await stage.skip('24 hours');
    await see(client, 'Cancelled: the freelancer did not respond within 48 hours');
    await see(freelancer, 'Cancelled: you did not respond within 48 hours');
    await seeBoth('Cancelled by agreement');
    await stage.events.getByText('dispute.expired').waitFor();
  });

  test.runIf(LONG)('cancellation: withdrawn by its opener alone', async () => {
    await stage.makeOrder('In dispute');
    expect(await button(freelancer, 'Withdraw request').count()).toBe(0);
    expect(await button(client, 'Accept cancellation').count()).toBe(0);
    await act(client, 'Withdraw request');
    await see(freelancer, 'The client withdrew the request');
    await seeBoth('Late');
  });

  test('order_change: accepted, date and extras are applied', async () => {
    await stage.makeOrder();
    await askForChange(20);
    await act(client, 'Accept change');
    await see(freelancer, 'The client accepted the change');
    await seeBoth('In progress');
    for (const name of ['order.delivery_date_changed', 'order.extras_added'])
      await stage.events.getByText(name).waitFor();
  });

  test.runIf(LONG)('order_change: declined, nothing changes', async () => {
    await stage.makeOrder();
    await askForChange(20);
    await act(client, 'Decline');
    await see(freelancer, 'The client declined the change');
    await seeBoth('In progress');
    expect(await stage.events.getByText('order.delivery_date_changed').count()).toBe(0);
  });

  test.runIf(LONG)('order_change: withdrawn by silence', async () => {
    await stage.makeOrder();
    await askForChange(20);
    await stage.skip('96 hours');
    await see(client, 'Withdrawn: you did not respond within 4 days');
    await see(freelancer, 'Withdrawn: the client did not respond within 4 days');
    await seeBoth('In progress');
  });

  test('order_change: cannot be accepted once its date has passed, and says why', async () => {
    await stage.makeOrder('Late');
    await askForChange(2, '00:00');
    await stage.skip('48 hours');
    await client.locator('#blocked-accept').waitFor();
    expect(await client.locator('#blocked-accept').textContent()).toMatch(/date/);
    expect(await button(client, 'Accept change').isDisabled()).toBe(true);
    await act(client, 'Decline');
    await see(freelancer, 'The client declined the change');
  });

  test('one open request at a time, and why not another one', async () => {
    await stage.makeOrder('In dispute');
    for (const party of both) {
      await party().getByText('Other requests').click();
      await party().getByText('There is an open request already.').first().waitFor();
      expect(await party().getByRole('radio').count()).toBe(0);
    }
  });

  test.runIf(LONG)('superseded when the order service reports completed', async () => {
    await stage.makeOrder();
    await askToCancel();
    await stage.report('Completed');
    for (const party of both) await see(party(), 'Closed: the order was settled meanwhile');
    await seeBoth('Completed');
    await seeBoth('This order is completed. Contact customer support if something is wrong with it.');
  });

  test.each([
    ['Completed', 'This order is completed. Contact customer support if something is wrong with it.'],
    ['Cancelled', 'This order is cancelled. There is nothing left to settle.'],
  ])('nothing can be asked of an order that is %s', async (status, why) => {
    await stage.makeOrder(status);
    await seeBoth(why);
    for (const party of both) expect(await party().getByRole('radio').count()).toBe(0);
  });

  test('goes by keyboard: a new order, a request of the client, and its withdrawal', async () => {
    const { page } = stage;
    const before = page.url();
    await page.getByRole('combobox', { name: 'Status of the new order' }).focus();
    await page.keyboard.type('In progress');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL((url) => url.href !== before);
    await client.getByRole('radio').first().waitFor();
    await client.getByRole('radio').first().focus();
    for (const key of ['Space', 'Tab', 'Enter']) await page.keyboard.press(key);
    await button(client, 'Send request').waitFor();
    await button(client, 'Send request').press('Enter');
    await see(freelancer, 'The client asks for a progress update');
    await button(client, 'Withdraw request').press('Enter');
    await client.getByRole('dialog').waitFor();
    await client.getByRole('dialog').getByText('The order becomes').waitFor();
    await button(client.getByRole('dialog'), 'Withdraw request').press('Enter');
    await see(freelancer, 'The client withdrew the request');
  });

  test('shows the webhook calls about the order, with what came back', async () => {
    const receiver = await startReceiver();
    await stage.makeOrder('In dispute');
    await stage.webhooks.getByLabel('Send the calls to').fill(receiver.url);
    await button(stage.webhooks, 'Add').click();
    receiver.secrets.push((await stage.webhooks.getByText(/^whsec_/).textContent()) ?? '');
    await act(client, 'Withdraw request');
    await stage.webhooks.getByText('dispute.withdrawn').waitFor();
    await stage.webhooks.locator('[data-status="delivered"]').first().waitFor();
  });

  test('asks for tokens where the service hands out none, and works with those', async () => {
    const { url } = await startProcess({ env: { MODE: 'sandbox' } });
    const { page, complaints } = await openPage(stage.browser);
    await page.goto(url);
    await page.getByLabel('Token of the client').fill('no token');
    await page.getByLabel('Token of the freelancer').fill(await tokenOf('freelancer'));
    const scope = 'orders:write events:read webhooks:manage test:clocks';
    await page.getByLabel('Token of your services').fill(await mintToken(TEST_SECRET, { sub: 'shop', scope }));
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await page.locator('resolution-center').count()).toBe(0);
    await page.getByLabel('Token of the client').fill(await tokenOf('client'));
    await page.getByRole('button', { name: 'Continue' }).click();
    for (const party of ['#client', '#freelancer']) await page.locator(party).getByRole('radio').first().waitFor();
    await page.reload();
    await page.locator('#client').getByRole('radio').first().waitFor();
    await page.context().close();
    expect(complaints.filter((text) => !/net::ERR_ABORTED$|status of 503/.test(text))).toEqual([]);
  });

  test('asks for events without waiting, so that no tab holds one of the six connections of a browser', async () => {
    const next = stage.page.waitForRequest((request) => /\/v1\/events\?.*after=[1-9]/.test(request.url()));
    await stage.makeOrder('In dispute');
    expect(new URL((await next).url()).searchParams.has('wait')).toBe(false);
  });

  test('scrolls nothing sideways at 360 px', async () => {
    const { page } = stage;
    const size = page.viewportSize() ?? { width: 1_300, height: 1_600 };
    await page.setViewportSize({ width: 360, height: 800 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
    await page.setViewportSize(size);
  });
});
