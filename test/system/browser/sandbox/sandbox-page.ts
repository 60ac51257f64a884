import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { type ServiceProcess, startProcess } from '../../../harness/process.ts';
import { openPage, startBrowser } from '../chromium.ts';
import { button } from '../element/element-page.ts';

/** Starts the built service as `npm start` does without configuration: a sandbox with a development secret. */
export const startSandbox = (): Promise<ServiceProcess> =>
  startProcess({ env: { AUTH_SECRET: '', MODE: 'sandbox', WEBHOOK_ALLOW_INSECURE: 'true' } });

/** The page at `/`: both parties of an order, and what the marketplace does. */
export interface SandboxPage {
  readonly page: Page;
  readonly client: Locator;
  readonly freelancer: Locator;
  /** The card with the events of the order. */
  readonly events: Locator;
  readonly webhooks: Locator;
  /** Makes a sample order, and waits until both parties see it. @returns its id */
  readonly makeOrder: (sample?: string) => Promise<string>;
  /** Reports a status of the order, as the order service would. */
  readonly report: (status: string) => Promise<void>;
  /** Moves the order's clock on. @param time as the page calls it, such as `48 hours` */
  readonly skip: (time: string) => Promise<void>;
  /**
   * Errors, violations of the policy, and failed requests; not those that the page gives up because it shows another order, nor
   * those that a service on a busy machine refuses, which are sent again.
   */
  readonly complaints: () => string[];
}

async function choose(page: Page, label: string, choice: string, verb: string): Promise<void> {
  await page.getByRole('combobox', { name: label, exact: true }).selectOption({ label: choice });
  await page.getByRole('button', { name: verb, exact: true }).click();
}

const idleOf = (page: Page) => page.getByRole('button', { name: 'New order', exact: true, disabled: false });

/** Opens the page of a service, which makes a first order. */
export async function openSandboxPage(
  browser: Browser | BrowserContext,
  url: string,
  options: { readonly width?: number; readonly isDark?: boolean } = {},
): Promise<SandboxPage> {
  const { page, complaints } = await openPage(browser, options);
  const [client, freelancer] = [page.locator('#client'), page.locator('#freelancer')];
  const shown = async (orderId: string) => {
    for (const party of [client, freelancer]) await party.getByText(orderId, { exact: true }).waitFor();
    await idleOf(page).waitFor();
    return orderId;
  };
  const orderInAddress = () => new URL(page.url()).hash.slice(1);
  await page.goto(url);
  await page.waitForURL(/#./);
  await shown(orderInAddress());
  return {
    page,
    client,
    freelancer,
    events: page.locator('section', { has: page.getByRole('heading', { name: 'Events', exact: true }) }),
    webhooks: page.locator('section', { has: page.getByRole('heading', { name: 'Webhook calls', exact: true }) }),
    makeOrder: async (sample = 'In progress') => {
      const before = orderInAddress();
      await choose(page, 'Status of the new order', sample, 'New order');
      await page.waitForURL((address) => address.hash.slice(1) !== before);
      return await shown(orderInAddress());
    },
    report: async (status) => {
      await choose(page, 'Status that the order service reports', status, 'Report status');
      await idleOf(page).waitFor();
    },
    skip: async (time) => {
      await choose(page, 'Time to skip', time, 'Skip time');
      await idleOf(page).waitFor();
    },
    complaints: () => complaints.filter((text) => !/net::ERR_ABORTED$|status of 503/.test(text)),
  };
}

/** Has a party choose what to ask for, and go on to the form. */
export async function compose(party: Locator, request: string): Promise<void> {
  await party.getByRole('radio', { name: request }).check();
  await button(party, 'Continue').click();
}

/** Has a party do what a button says, and confirm it. @param comment what it writes with it */
export async function act(party: Locator, action: string, comment?: string): Promise<void> {
  await button(party, action).click();
  const dialog = party.getByRole('dialog');
  if (comment !== undefined) await dialog.getByLabel('Comment').fill(comment);
  await button(dialog, action).click();
  await dialog.waitFor({ state: 'detached' });
}

/** A sandbox with its page, and the browser that it is in. */
export interface SandboxStage extends SandboxPage {
  readonly service: ServiceProcess;
  readonly browser: Browser;
}

/** Starts all of it; it is stopped at the end of the test file. */
export async function startSandboxStage(): Promise<SandboxStage> {
  const [service, browser] = await Promise.all([startSandbox(), startBrowser()]);
  return { service, browser, ...(await openSandboxPage(browser, service.url)) };
}
