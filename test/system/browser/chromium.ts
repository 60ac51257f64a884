import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findOnPath } from '../../../src/dev/embedded/redis.ts';
import { onCleanup } from '../../harness/cleanup.ts';

const PROGRAM = await findOnPath(['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome']);

/** Whether this machine has a Chromium: Debian's package chromium-headless-shell, which takes half as much of a processor, or chromium. */
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

/** Closes all pages of a browser: one that is left open goes on drawing its countdowns and reading its stream. */
export async function closePages(browser: Browser): Promise<void> {
  await Promise.all(browser.contexts().map((context) => context.close()));
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

/** Opens an empty page: in a context of its own, or as one more tab of a context, whose size and colours it then has. */
export async function openPage(
  browser: Browser | BrowserContext,
  { width = 1_300, isDark = false }: PageOptions = {},
): Promise<WatchedPage> {
  const viewport = { width, height: 1_600 };
  const colorScheme = isDark ? 'dark' : 'light';
  // Colours change at once: axe would meet one half-way between two states.
  const looks = { viewport, colorScheme, reducedMotion: 'reduce' } as const;
  const context = 'newContext' in browser ? await browser.newContext(looks) : browser;
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
