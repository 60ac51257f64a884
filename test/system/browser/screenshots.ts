import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { fetchFrom } from '../../harness/api/transport.ts';
import { runCleanups } from '../../harness/cleanup.ts';
import { type Clients, createClients } from '../../harness/client.ts';
import setUp from '../../harness/run/global-setup.ts';
import { serviceDirectory } from '../../harness/run/servers.ts';
import { CLIENT, FREELANCER, seedOrder } from '../../harness/seed.ts';
import type { Dispute } from '../../harness/types.ts';
import { startBrowser } from './chromium.ts';
import { button } from './element/element-page.ts';
import { compose, startSandbox } from './sandbox/sandbox-page.ts';

// npm run screenshots: takes the pictures of the documents, from the page of the built service.

const DIRECTORY = join(import.meta.dirname, '../../../docs/screenshots');
const NOW = '2026-03-30T14:05:00.000Z';
const HOUR_MS = 3_600_000;
const after = (hours: number) => new Date(Date.parse(NOW) + hours * HOUR_MS).toISOString();
// Most systems have a font like Inter (Debian: fonts-inter) as their own; this one may have none.
const FONT = "Inter, system-ui, 'Segoe UI', Roboto, sans-serif";

interface Stage {
  readonly browser: Browser;
  readonly url: string;
  readonly service: Clients;
  readonly clockId: string;
}

interface Look {
  readonly width?: number;
  readonly isDark?: boolean;
}

/** Opens the page with an order, and waits until both parties see it. */
async function openOrder({ browser, url }: Stage, orderId: string, { width = 1_280, isDark = false }: Look = {}) {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: isDark ? 'dark' : 'light',
    deviceScaleFactor: 2,
    timezoneId: 'UTC',
    locale: 'en-GB',
  });
  const page = await context.newPage();
  await page.goto(`${url}/#${orderId}`);
  await page.evaluate(`{
    const { style } = document.documentElement;
    style.setProperty('font-family', ${JSON.stringify(FONT)});
    style.setProperty('--rc-font', ${JSON.stringify(`400 15px / 1.5 ${FONT}`)});
  }`);
  for (const party of ['#client', '#freelancer']) {
    await page.locator(party).getByRole('heading', { level: 2 }).waitFor();
  }
  return page;
}

const save = (name: string) => join(DIRECTORY, `${name}.png`);

/** The page down to the events. */
async function saveParties(page: Page, name: string): Promise<void> {
  await page.locator('.seq').first().waitFor();
  const box = await page.locator('.parties').boundingBox();
  const height = Math.ceil((box?.y ?? 0) + (box?.height ?? 0) + 24);
  await page.screenshot({ path: save(name), fullPage: true, clip: { x: 0, y: 0, width: 1_280, height } });
}

async function makeCancellation({ service, clockId }: Stage): Promise<string> {
  const { id } = await seedOrder(service, { deliverBy: after(-48), testClockId: clockId }, 'order-1001');
  await service.as(CLIENT).post(`/v1/orders/${id}/disputes`, {
    type: 'cancellation',
    reason: 'late_delivery',
    comment: 'Two weeks late, and I need the files for a launch on Friday.',
  });
  return id;
}

/** An order with a request for a date that has passed meanwhile. */
async function makeOutdated({ service, clockId }: Stage): Promise<string> {
  const { id } = await seedOrder(
    service,
    { title: 'Landing page', status: 'late', deliverBy: after(-24), testClockId: clockId },
    'order-1002',
  );
  await service.as(FREELANCER).post<Dispute>(`/v1/orders/${id}/disputes`, {
    type: 'order_change',
    change: { deliverBy: after(6) },
    comment: 'The last section takes me a few hours more.',
  });
  return id;
}

async function take(stage: Stage): Promise<void> {
  const disputed = await makeCancellation(stage);
  await saveParties(await openOrder(stage, disputed), 'both-parties');
  await saveParties(await openOrder(stage, disputed, { isDark: true }), 'dark');
  const mobile = await openOrder(stage, disputed, { width: 360 });
  await mobile.locator('#freelancer').screenshot({ path: save('mobile') });

  const { id } = await seedOrder(stage.service, { testClockId: stage.clockId, deliverBy: after(48) }, 'order-1003');
  const form = (await openOrder(stage, id)).locator('#freelancer');
  await compose(form, 'Ask for more time or extras');
  await form.getByLabel('New delivery date').fill('2026-04-06T17:00');
  await button(form, 'Add an extra').click();
  await form.getByLabel('What is added').fill('Source files');
  await form.getByLabel('Price in USD').fill('15');
  await form.getByLabel('Comment').fill('The icons take longer than planned. The source files are in this price.');
  await form.screenshot({ path: save('order-change-form') });

  const outdated = await makeOutdated(stage);
  await stage.service
    .withScopes('test:clocks')
    .post(`/v1/test-clocks/${stage.clockId}/advance?wait=20`, { by: 'PT7H' });
  const blocked = (await openOrder(stage, outdated)).locator('#client');
  await blocked.locator('#blocked-accept').waitFor();
  await blocked.screenshot({ path: save('blocked') });
}

await setUp();
try {
  await mkdir(DIRECTORY, { recursive: true });
  const [{ url }, browser] = await Promise.all([startSandbox(), startBrowser()]);
  const secret = (await readFile(join(serviceDirectory(), '.data/auth-secret'), 'utf8')).trim();
  const service = createClients(fetchFrom(url), secret);
  const clock = await service
    .withScopes('test:clocks')
    .post<{ id: string }>('/v1/test-clocks', { name: 'Screenshots', now: NOW });
  await take({ browser, url, service, clockId: clock.body.id });
  process.stdout.write(`wrote ${DIRECTORY}\n`);
} finally {
  await runCleanups();
  await globalThis.testRun?.stop();
}
