import { SignJWT } from 'jose';
import type { Browser } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { TEST_SECRET } from '../../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../../harness/process.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../../harness/seed.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { hasNginx, startNginx } from '../../proxies/nginx.ts';
import { closePages, hasChromium } from '../chromium.ts';
import type { Pages } from '../pages.ts';
import { button, heading, openElementPage, type Party, startElementStage, tokenOf } from './element-page.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there is no page to look at.
const browsing = hasChromium ? describe : describe.skip;
// Without nginx (Debian: apt-get install nginx) there is none to go through.
const proxied = hasNginx ? test : test.skip;

const HOUR_MS = 3_600_000;

/** A token that ended an hour ago. */
const expired = (sub: string): Promise<string> =>
  new SignJWT({ sub })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(new Date(Date.now() - HOUR_MS))
    .sign(new TextEncoder().encode(TEST_SECRET));

browsing('<resolution-center> in adverse conditions', () => {
  let service: ServiceProcess;
  let browser: Browser;
  let pages: Pages;
  beforeAll(async () => {
    ({ service, browser, pages } = await startElementStage());
  });
  afterEach(() => closePages(browser));

  const respond = (path: string, body?: unknown) => service.as(FREELANCER).post(path, body);

  test('asks for a fresh token when one has expired, and goes on', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const asked: boolean[] = [];
    const { client, told } = await openElementPage(browser, pages, {
      orderId,
      api: service.url,
      parties: ['client'],
      tokenFor: async (party, fresh) => {
        asked.push(fresh);
        return fresh ? await tokenOf(party) : await expired(CLIENT);
      },
    });
    await heading(client, 'You asked to cancel the order').waitFor();
    expect(asked).toContain(true);
    expect((await told()).filter(({ type }) => type === 'rc-error')).toEqual([]);
  });

  test('says that the session has expired, and goes on after a new sign-in', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const tokens = { current: expired(CLIENT) };
    const { client, told } = await openElementPage(browser, pages, {
      orderId,
      api: service.url,
      parties: ['client'],
      tokenFor: () => tokens.current,
    });
    await client.getByText('Your session has expired.').waitFor();
    expect(await told()).toContainEqual({
      type: 'rc-error',
      party: 'client',
      detail: expect.objectContaining({ code: 'signed_out' }),
    });
    tokens.current = tokenOf('client');
    await button(client, 'Try again').click();
    await heading(client, 'You asked to cancel the order').waitFor();
    await client.getByText('Your session has expired.').waitFor({ state: 'detached' });
  });

  test('leaves the stream to another element of the viewer when its own session expires', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const tokens: Record<Party, Promise<string>> = { client: tokenOf('client'), freelancer: tokenOf('client') };
    let join = () => {};
    const isLed = new Promise<void>((resolve) => {
      join = resolve;
    });
    // One user in two elements. The first one reads the stream when the second one comes.
    const { page, told } = await openElementPage(browser, pages, {
      orderId,
      api: service.url,
      tokenFor: async (party) => {
        if (party === 'freelancer') await isLed;
        return await tokens[party];
      },
    });
    const [first, second] = [page.locator('#client'), page.locator('#freelancer')];
    for (const element of [first, second]) {
      await heading(element, 'You asked to cancel the order').waitFor();
      join();
    }
    tokens.freelancer = expired(CLIENT);
    // Hidden and shown, the one that waited is the first to ask for the stream.
    for (const isHidden of [true, false]) {
      await page.evaluate(`{
        Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
        document.dispatchEvent(new Event('visibilitychange'));
      }`);
    }
    await second.getByText('Your session has expired.').waitFor();
    await respond(`/v1/disputes/${id}/accept`);
    await first.getByText('Cancelled by agreement').waitFor();
    expect(await first.getByText('Your session has expired.').count()).toBe(0);
    expect((await told()).filter(({ type, party }) => type === 'rc-error' && party === 'client')).toEqual([]);
  });

  test('says what it knows while the visitor is offline, and catches up by itself', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const { page, client } = await openElementPage(browser, pages, { orderId, api: service.url, parties: ['client'] });
    await heading(client, 'You asked to cancel the order').waitFor();
    await page.context().setOffline(true);
    await client.getByText('You are offline.').waitFor();
    await respond(`/v1/disputes/${id}/comments`, { comment: 'The draft is ready.' });
    await respond(`/v1/disputes/${id}/decline`, { comment: 'No.' });
    await page.context().setOffline(false);
    await client.getByText('You are offline.').waitFor({ state: 'detached' });
    await heading(client, 'You asked to cancel the order').waitFor({ state: 'detached' });
  });

  test("counts down by the service's clock where the visitor's is an hour off", async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    for (const clockOffBy of [HOUR_MS, -HOUR_MS]) {
      const { client } = await openElementPage(browser, pages, {
        orderId,
        api: service.url,
        parties: ['client'],
        clockOffBy,
      });
      expect(await client.getByRole('timer').textContent()).toMatch(/^(48:00:00|47:5\d:\d\d)$/);
    }
  });

  test('shows what has changed since the viewer looked, before an answer counts', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const { page, freelancer, told } = await openElementPage(browser, pages, {
      orderId,
      api: service.url,
      parties: ['freelancer'],
    });
    await button(freelancer, 'Decline').click();
    const dialog = freelancer.getByRole('dialog');
    await dialog.getByLabel('Comment').fill('We agreed on Friday.');
    // The answer is on its way when the other party's comment is written.
    await page.route(
      '**/decline',
      async (route) => {
        await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment: 'Or Saturday?' });
        await route.continue();
      },
      { times: 1 },
    );
    await button(dialog, 'Decline').click();
    await dialog.getByText('The request changed meanwhile.').waitFor();
    expect(await told()).toContainEqual(
      expect.objectContaining({ detail: { code: 'version_mismatch', status: 412, requestId: expect.any(String) } }),
    );
    await dialog.getByText('Or Saturday?').waitFor();
    expect(await button(dialog, 'Decline').getAttribute('class')).toBe('plain');
    expect(await dialog.getByLabel('Comment').inputValue()).toBe('We agreed on Friday.');
    await button(dialog, 'Decline').click();
    await dialog.waitFor({ state: 'detached' });
    const { body } = await service.as(CLIENT).get(`/v1/disputes/${id}`);
    expect(body).toMatchObject({ resolution: 'declined' });
  });

  test('takes an answer back from a dialog whose request was settled in another tab', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const options = { orderId, api: service.url, parties: ['freelancer'] } as const;
    const [one, two] = [await openElementPage(browser, pages, options), await openElementPage(browser, pages, options)];
    await button(one.freelancer, 'Accept cancellation').click();
    await button(two.freelancer, 'Decline').click();
    await button(two.freelancer.getByRole('dialog'), 'Decline').click();
    const dialog = one.freelancer.getByRole('dialog');
    await dialog.getByText('The request was settled meanwhile.').waitFor();
    expect(await button(dialog, 'Accept cancellation').isDisabled()).toBe(true);
    await dialog.getByText('You declined', { exact: true }).waitFor();
    await dialog.getByText('0 of 4,000 characters').waitFor();
    expect(await dialog.getByText('This cannot be undone.').count()).toBe(0);
    await button(dialog, 'Back').click();
    for (const { freelancer } of [one, two]) await freelancer.getByText('In progress').waitFor();
  });

  test('confirms no answer before the service has said what it does, and says why it has not', async () => {
    const { orderId } = await seedDispute(service, 'cancellation');
    const { page, freelancer, told } = await openElementPage(browser, pages, {
      orderId,
      api: service.url,
      parties: ['freelancer'],
    });
    const dialog = freelancer.getByRole('dialog');
    const dryRun = '**/accept?dryRun=true';
    let refuse = () => {};
    const refused = new Promise<void>((resolve) => {
      refuse = resolve;
    });
    await page.route(dryRun, async (route) => {
      await refused;
      const headers = { 'access-control-allow-origin': pages.origin };
      await route.fulfill({ status: 401, headers, json: { code: 'unauthenticated' } });
    });
    await button(freelancer, 'Accept cancellation').click();
    await dialog.waitFor();
    expect(await button(dialog, 'Accept cancellation').isDisabled()).toBe(true);
    expect(await button(dialog, 'Accept cancellation').getAttribute('aria-busy')).toBe('true');
    refuse();
    await dialog.getByText('Your session has expired.').waitFor();
    expect((await told()).map(({ detail }) => detail['code'])).toContain('signed_out');
    await page.unroute(dryRun);
    await button(dialog, 'Try again').click();
    await dialog.getByText('This cannot be undone.').waitFor();
    await button(dialog, 'Accept cancellation').click();
    await freelancer.getByText('Cancelled by agreement').waitFor();
  });

  test('sends an answer whose reply was lost once more, and it takes effect once', async () => {
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const { page, client } = await openElementPage(browser, pages, { orderId, api: service.url, parties: ['client'] });
    await button(client, 'Add a comment').click();
    const dialog = client.getByRole('dialog');
    await dialog.getByLabel('Comment').fill('Please.');
    await page.route(
      '**/comments',
      async (route) => {
        await route.fetch();
        await route.abort('connectionreset');
      },
      { times: 1 },
    );
    await button(dialog, 'Add a comment').click();
    await dialog.waitFor({ state: 'detached' });
    const { body } = await service.as(CLIENT).get<{ data: { action: string }[] }>(`/v1/disputes/${id}/timeline`);
    const written = body.data.map(({ action }) => action).filter((action) => action !== 'seen');
    expect(written).toEqual(['opened', 'comment_added']);
  });

  test('keeps what is written in a form while the order changes behind it', async () => {
    const { id: orderId } = await seedOrder(service);
    const { client } = await openElementPage(browser, pages, { orderId, api: service.url, parties: ['client'] });
    await client.getByRole('radio', { name: 'Ask to cancel the order' }).check();
    await button(client, 'Continue').click();
    await client.getByLabel('Comment').fill('I need the files.');
    await seedDispute(service, 'cancellation', { orderId, opener: FREELANCER });
    await heading(client, 'The freelancer asks to cancel the order').waitFor();
    expect(await client.getByLabel('Comment').inputValue()).toBe('I need the files.');
    expect(await button(client, 'Send request').isDisabled()).toBe(true);
  });

  test('takes the time as over in a dialog that is open when the deadline passes', async () => {
    const short = await startProcess({ env: { CORS_ORIGINS: pages.origin, WINDOW_CANCELLATION: 'PT6S' } });
    const { orderId } = await seedDispute(short, 'cancellation');
    const options = { orderId, api: short.url, parties: ['freelancer'] } as const;
    const { freelancer } = await openElementPage(browser, pages, options);
    await button(freelancer, 'Decline').click();
    const dialog = freelancer.getByRole('dialog');
    await dialog.getByLabel('Comment').fill('Too late?');
    await waitFor('the answer is refused', () => button(dialog, 'Decline').isDisabled());
    expect(await dialog.getByRole('alert').textContent()).toMatch(/time to respond is over|settled meanwhile/);
    await button(dialog, 'Back').click();
    await freelancer.getByText('Cancelled by agreement').waitFor();
  });

  proxied('works behind nginx as docs/proxies.md configures it (needs nginx)', async () => {
    const through = await startNginx(service.url);
    const { id, orderId } = await seedDispute(service, 'cancellation');
    const { client, complaints } = await openElementPage(browser, pages, {
      orderId,
      api: through,
      parties: ['client'],
    });
    await heading(client, 'You asked to cancel the order').waitFor();
    await respond(`/v1/disputes/${id}/accept`);
    await client.getByText('Cancelled by agreement').waitFor();
    expect(complaints.filter((text) => !text.includes('status of 4'))).toEqual([]);
  });
});
