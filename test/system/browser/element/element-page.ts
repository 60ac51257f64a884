import type { Browser, Locator, Page } from 'playwright-core';
import { mintToken } from '../../../../src/dev/development.ts';
import { TEST_SECRET } from '../../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../../harness/process.ts';
import { CLIENT, FREELANCER } from '../../../harness/seed.ts';
import { openPage, startBrowser } from '../chromium.ts';
import { type Pages, servePages } from '../pages.ts';

/** Nothing inline, nothing from anywhere but the page's own origin and the service. */
const strictPolicy = (api: string): string =>
  `default-src 'none'; script-src 'self' ${api}; style-src 'self'; connect-src ${api}; base-uri 'none'; form-action 'none'`;

const STYLES = `:root { color-scheme: light dark } body { margin: 0; background: light-dark(#f6f7f9, #0f1216) }
main { display: grid; gap: 24px; padding: 24px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); align-items: start }`;

// The tokens are asked for each time, so that a test can have one expire.
const SCRIPT = `
const told = [];
Object.assign(globalThis, { told });
for (const type of ['rc-change', 'rc-error']) {
  document.addEventListener(type, ({ target, detail }) => told.push({ type, party: target.id, detail }));
}
for (const element of document.querySelectorAll('resolution-center')) {
  element.getToken = ({ fresh }) => globalThis.tokenFor(element.id, fresh);
}
`;

export type Party = 'client' | 'freelancer';

const SUBJECTS: Readonly<Record<Party, string>> = { client: CLIENT, freelancer: FREELANCER };

/** What an element told its page. */
export interface Told {
  readonly type: 'rc-change' | 'rc-error';
  readonly party: Party;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A page of another origin with an element for each party of an order, under a strict policy. */
export interface ElementPage {
  readonly page: Page;
  readonly client: Locator;
  readonly freelancer: Locator;
  readonly told: () => Promise<Told[]>;
  /** Errors, violations of the policy and failed requests. */
  readonly complaints: string[];
}

export interface ElementPageOptions {
  readonly orderId: string;
  readonly api: string;
  readonly lang?: string;
  readonly dir?: 'ltr' | 'rtl';
  readonly width?: number;
  readonly isDark?: boolean;
  /** Gives the token of a party; else one that is good for hours. */
  readonly tokenFor?: (party: Party, fresh: boolean) => Promise<string>;
  /** Which parties have an element on the page. */
  readonly parties?: readonly Party[];
  /** How far the visitor's clock is off, in milliseconds. */
  readonly clockOffBy?: number;
}

// Runs before the page's scripts: what they take for the visitor's clock is off; the monotonic clock goes on.
const wrongClock = (offMs: number): string => `
const Real = Date;
globalThis.Date = class extends Real {
  constructor(...given) { super(...(given.length === 0 ? [Real.now() + ${offMs}] : given)); }
  static now() { return Real.now() + ${offMs}; }
};`;

/** A button by its whole name. */
export const button = (within: Locator, name: string): Locator => within.getByRole('button', { name, exact: true });

/** A heading: what the card says of the request, or of how it ended. */
export const heading = (within: Locator, name: string): Locator => within.getByRole('heading', { name, exact: true });

/** A token of a party that is good for hours. */
export const tokenOf = (party: Party): Promise<string> => mintToken(TEST_SECRET, { sub: SUBJECTS[party] });

/** Opens a page with both parties of an order. */
export async function openElementPage(
  browser: Browser,
  pages: Pages,
  { orderId, api, lang = 'en', dir = 'ltr', width, isDark = false, tokenFor, parties, clockOffBy }: ElementPageOptions,
): Promise<ElementPage> {
  const elements = (parties ?? ['client', 'freelancer'])
    .map((party) => `<section><resolution-center id="${party}" order-id="${orderId}"></resolution-center></section>`)
    .join('');
  pages.restrict(strictPolicy(api));
  pages.files.set('/page.css', STYLES);
  pages.files.set('/page.js', `import '${api}/ui/resolution-center.js';${SCRIPT}`);
  pages.files.set(
    `/${orderId}`,
    `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8">
    <meta name="viewport" content="width=device-width"><title>An order</title><link rel="stylesheet" href="/page.css"></head>
    <body><main><h1 hidden>An order</h1>${elements}</main><script type="module" src="/page.js"></script></body></html>`,
  );
  const { page, complaints } = await openPage(browser, { width, isDark });
  if (clockOffBy !== undefined) await page.addInitScript(wrongClock(clockOffBy));
  await page.exposeFunction('tokenFor', tokenFor ?? tokenOf);
  await page.goto(`${pages.origin}/${orderId}`);
  return {
    page,
    complaints,
    client: page.locator('#client'),
    freelancer: page.locator('#freelancer'),
    told: () => page.evaluate<Told[]>('globalThis.told'),
  };
}

/** The built service, a browser, and the pages of another origin that may call it. */
export interface ElementStage {
  readonly service: ServiceProcess;
  readonly browser: Browser;
  readonly pages: Pages;
}

/** Starts all of it; it is stopped at the end of the test file. */
export async function startElementStage(): Promise<ElementStage> {
  const [pages, browser] = await Promise.all([servePages(), startBrowser()]);
  return { service: await startProcess({ env: { CORS_ORIGINS: pages.origin } }), browser, pages };
}
