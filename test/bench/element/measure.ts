import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { serviceDirectory } from '../../harness/run/servers.ts';
import { seedDispute } from '../../harness/seed.ts';
import {
  button,
  type ElementStage,
  openElementPage,
  startElementStage,
} from '../../system/browser/element/element-page.ts';

// npm run measure:element: how large the web component is, and how long a visitor waits for it. `-- --runs N` (20)

interface Timing {
  /** From the navigation to the first byte of the page. */
  readonly pageMs: number;
  /** To the module, loaded and run. */
  readonly moduleMs: number;
  /** To the request with its buttons. */
  readonly usableMs: number;
}

const TIMING = `(async () => {
  const element = document.querySelector('resolution-center');
  await customElements.whenDefined('resolution-center');
  const [navigation] = performance.getEntriesByType('navigation');
  const script = performance.getEntriesByType('resource').find(({ name }) => name.endsWith('/resolution-center.js'));
  return { pageMs: navigation.responseStart, moduleMs: script.responseEnd, usableMs: globalThis.usableMs };
})()`;

/** Notes the moment at which the viewer's first button is on the screen. */
const WATCH = `{
  const look = () => {
    const shown = document.querySelector('resolution-center')?.shadowRoot?.querySelector('[data-action]:enabled');
    if (shown) globalThis.usableMs = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}`;

/** Opens a page of another origin with the request of an order. @param isCached whether the module is in the browser's cache */
async function timeOnce(
  { service, browser, pages }: ElementStage,
  orderId: string,
  isCached: boolean,
): Promise<Timing> {
  const { page, freelancer } = await openElementPage(browser, pages, {
    orderId,
    api: service.url,
    parties: ['freelancer'],
  });
  await button(freelancer, 'Accept cancellation').waitFor();
  await page.addInitScript(WATCH);
  const session = await page.context().newCDPSession(page);
  await session.send('Network.setCacheDisabled', { cacheDisabled: !isCached });
  await page.reload();
  await button(freelancer, 'Accept cancellation').waitFor();
  await page.waitForFunction('globalThis.usableMs !== undefined');
  const timing = await page.evaluate<Timing>(TIMING);
  await page.context().close();
  return timing;
}

const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};

function report(name: string, timings: readonly Timing[]): void {
  const line = (['pageMs', 'moduleMs', 'usableMs'] as const).map((part) => {
    const values = timings.map((timing) => timing[part]);
    return `${quantile(values, 0.5).toFixed(0).padStart(5)} / ${quantile(values, 0.95).toFixed(0).padStart(5)}`;
  });
  process.stdout.write(`${name.padEnd(24)}${line.map((part) => part.padStart(18)).join('')}\n`);
}

const kB = (bytes: number) => `${(bytes / 1_024).toFixed(1)} kB`;

async function reportSizes(): Promise<void> {
  for (const name of ['resolution-center.js', 'sandbox.js']) {
    const script = await readFile(join(serviceDirectory(), 'dist/ui', name));
    const [gzip, brotli] = [gzipSync(script, { level: 9 }).length, brotliCompressSync(script).length];
    process.stdout.write(`${name.padEnd(24)}${kB(script.length)}, gzip ${kB(gzip)}, brotli ${kB(brotli)}\n`);
  }
}

const given = process.argv.indexOf('--runs');
const runs = given === -1 ? 20 : Number(process.argv[given + 1]);
await setUp();
try {
  await reportSizes();
  const stage = await startElementStage();
  const { orderId } = await seedDispute(stage.service, 'cancellation');
  process.stdout.write(`\nms after the navigation, median / 95 % of ${runs}\n`);
  process.stdout.write(
    `${''.padEnd(24)}${['first byte', 'module loaded', 'usable'].map((one) => one.padStart(18)).join('')}\n`,
  );
  for (const [name, isCached] of [
    ['first visit', false],
    ['module in the cache', true],
  ] as const) {
    const timings: Timing[] = [];
    for (let run = 0; run < runs; run += 1) timings.push(await timeOnce(stage, orderId, isCached));
    report(name, timings);
  }
} finally {
  await runCleanups();
  await globalThis.testRun?.stop();
}
