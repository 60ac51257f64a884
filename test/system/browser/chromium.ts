import { type Browser, chromium, type Page } from 'playwright-core';
import { findOnPath } from '../../../src/dev/embedded/redis.ts';
import { onCleanup } from '../../harness/cleanup.ts';

const PROGRAM = await findOnPath(['chromium', 'chromium-browser', 'google-chrome']);

/** Whether this machine has a Chromium: Debian's package chromium. */
export const hasChromium = PROGRAM !== undefined;

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
// Drawing is done by the processor, which other tests use, too.
const ACTION_MS = 60_000;

/** Starts a headless Chromium, which ends with the test file. */
export async function startBrowser(): Promise<Browser> {
  if (PROGRAM === undefined) throw new Error('there is no Chromium on the PATH');
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ARGUMENTS });
  onCleanup(() => browser.close());
  return browser;
}

/** A page, with everything that it complained of: errors, warnings of the policy, requests that failed. */
export interface WatchedPage {
  readonly page: Page;
  readonly complaints: string[];
}

export interface PageOptions {
  readonly width?: number | undefined;
  readonly isDark?: boolean;
}

/** Opens an empty page. */
export async function openPage(
  browser: Browser,
  { width = 1_300, isDark = false }: PageOptions = {},
): Promise<WatchedPage> {
  const viewport = { width, height: 1_600 };
  const context = await browser.newContext({ viewport, colorScheme: isDark ? 'dark' : 'light' });
  const page = await context.newPage();
  page.setDefaultTimeout(ACTION_MS);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  return { page, complaints };
}
