import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ServiceProcess } from '../../../harness/process.ts';
import { CLIENT, seedDispute, seedOrder } from '../../../harness/seed.ts';
import type { Timeline } from '../../../harness/types.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { hasChromium } from '../chromium.ts';
import type { Pages } from '../pages.ts';
import { button, heading, openElementPage, type Party, startElementStage, tokenOf } from './element-page.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there is no page to look at.
const browsing = hasChromium ? describe : describe.skip;

browsing('<resolution-center> for both parties of an order, on a page of another origin', () => {
  let service: ServiceProcess;
  let browser: Browser;
  let pages: Pages;
  beforeAll(async () => {
    ({ service, browser, pages } = await startElementStage());
  });

  test('carries a cancellation from the choice to the end, and shows each party its side at once', async () => {
    const { id: orderId } = await seedOrder(service);
    const { client, freelancer, told, complaints } = await openElementPage(browser, pages, {
      orderId,
      api: service.url,
    });

    await client.getByRole('radio', { name: 'Ask to cancel the order' }).check();
    await button(client, 'Continue').click();
    await client.getByLabel('Reason').selectOption('late_delivery');
    await button(client, 'Send request').click();
    await client.getByText('This is required.').waitFor();
    await client.getByLabel('Comment').fill('Two weeks late.');
    await button(client, 'Send request').click();

    await heading(client, 'You asked to cancel the order').waitFor();
    await client.getByText('Waiting for the freelancer').waitFor();
    await heading(freelancer, 'The client asks to cancel the order').waitFor();
    await freelancer.getByText('Two weeks late.').waitFor();
    await freelancer.getByText('Your turn').waitFor();
    expect(await freelancer.getByRole('timer').textContent()).toMatch(/^4[78]:\d\d:\d\d$/);

    await button(freelancer, 'Accept cancellation').click();
    const dialog = freelancer.getByRole('dialog');
    await button(dialog, 'Accept cancellation').click();
    await dialog.waitFor({ state: 'detached' });
    for (const party of [client, freelancer]) await party.getByText('Cancelled by agreement').waitFor();

    const statuses = (await told()).map(({ party, detail }) => [party, detail['orderStatus']]);
    expect(statuses).toEqual(
      expect.arrayContaining([
        ['client', 'in_dispute'],
        ['freelancer', 'mutually_cancelled'],
      ]),
    );
    expect(complaints.filter((text) => !text.includes('status of 4'))).toEqual([]);
  });

  test('tells the service that a party has seen the request once it is on the screen, and the opener that it was', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const looks = async () => {
      const { body } = await service.as(CLIENT).get<Timeline>(`/v1/disputes/${id}/timeline`);
      return body.data.flatMap(({ action, actor }) => (action === 'seen' ? [actor.role] : []));
    };
    let start = () => {};
    const isPlaced = new Promise<void>((resolve) => {
      start = resolve;
    });
    const tokenFor = async (party: Party) => {
      await isPlaced;
      return await tokenOf(party);
    };
    const opened = await openElementPage(browser, pages, { orderId, api: service.url, tokenFor });
    const { page, client, freelancer } = opened;
    await page.evaluate(`document.getElementById('freelancer').style.marginTop = '3000px'`);
    start();
    await heading(freelancer, 'The client asks to cancel the order').waitFor();
    await waitFor('the client has seen its request', async () => (await looks()).length > 0);
    expect(await looks()).toEqual(['client']);

    await heading(freelancer, 'The client asks to cancel the order').scrollIntoViewIfNeeded();
    await client.getByText(/^Seen by the freelancer/).waitFor();
    await freelancer.getByText('You saw the request').waitFor();
    expect(await looks()).toEqual(['client', 'freelancer']);
    expect(await client.getByText('You saw the request').count()).toBe(0);
  });
});
