import type { Browser } from 'playwright-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import type { ApiDocument } from '../../harness/api/document.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { type ServiceProcess, startProcess } from '../../harness/process.ts';
import { LONG } from '../../harness/run/long.ts';
import { closePages, hasChromium, startBrowser } from './chromium.ts';
import { openDocs } from './docs-page.ts';

// A skipped test says why: without Chromium on the PATH (Debian: apt-get install chromium-headless-shell) there is no page to look at.
const browsing = hasChromium ? describe : describe.skip;

const TIMEOUT_MS = 600_000;

const WALK = [
  'reportOrder',
  'getResolutionCenter',
  'openDispute',
  'getDispute',
  'addComment',
  'acceptDispute',
  'getOrder',
  'getTimeline',
  'listDisputes',
];
const WEBHOOKS = ['createWebhookEndpoint', 'updateWebhookEndpoint', 'rotateWebhookSecret', 'deleteWebhookEndpoint'];
const OF_SERVICES = ['listEvents', ...WEBHOOKS, 'createHold', 'releaseHold'];

browsing('the reference page in Chromium', () => {
  let service: ServiceProcess;
  let browser: Browser;
  beforeAll(async () => {
    [service, browser] = await Promise.all([startProcess(), startBrowser()]);
  }, TIMEOUT_MS);
  afterEach(() => closePages(browser));

  const open = async (operationIds?: readonly string[]) => {
    const docs = await openDocs(browser, service.url, operationIds);
    const signIn = async (sub: string, scope?: string) =>
      await docs.authorize(await mintToken(TEST_SECRET, { sub, scope }));
    return { docs, signIn };
  };

  test(
    "carries out the README's walk with what its forms are filled with",
    async () => {
      const { docs, signIn } = await open(WALK);
      await signIn('order-service', 'orders:write');
      expect(await docs.execute('reportOrder')).toMatchObject({ status: 201, body: { id: 'order-1001' } });

      await signIn('user-7');
      expect(await docs.execute('getResolutionCenter')).toMatchObject({ status: 200, body: { available: true } });
      const opened = await docs.execute('openDispute');
      expect(opened).toMatchObject({ status: 201, body: { type: 'cancellation', status: 'open' } });
      const refused = await docs.execute('openDispute');
      expect(refused).toMatchObject({ status: 409, body: { code: 'dispute_already_open' } });

      await signIn('user-9');
      const { id } = opened.body;
      expect(await docs.execute('getDispute')).toMatchObject({ status: 200, body: { id, awaiting: 'freelancer' } });
      expect(await docs.execute('addComment')).toMatchObject({ status: 200, body: { id, status: 'open' } });
      expect(await docs.execute('acceptDispute')).toMatchObject({ status: 200, body: { id, resolution: 'accepted' } });

      await signIn('user-7');
      expect(await docs.execute('getOrder')).toMatchObject({ status: 200, body: { status: 'mutually_cancelled' } });
      expect(await docs.execute('getTimeline')).toMatchObject({ status: 200, body: { data: [{}, {}, {}] } });
      expect(await docs.execute('listDisputes')).toMatchObject({ status: 200, body: { data: [{ id }] } });
      // A refusal is an answer; the browser reports it nevertheless.
      expect(docs.complaints.filter((text) => !text.includes('409 (Conflict)'))).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test.runIf(LONG)(
    'carries on with another order in all forms, once it was reported',
    async () => {
      const { docs, signIn } = await open(['reportOrder', 'openDispute', 'withdrawDispute']);
      await signIn('order-service', 'orders:write');
      const form = await docs.form('reportOrder');
      await form.locator('tr[data-param-name="orderId"] input').fill('order-1002');
      expect(await docs.execute('reportOrder')).toMatchObject({ status: 201, body: { id: 'order-1002' } });
      await signIn('user-7');
      const opened = await docs.execute('openDispute');
      expect(opened).toMatchObject({ status: 201, body: { orderId: 'order-1002' } });
      expect(await docs.execute('withdrawDispute')).toMatchObject({
        status: 200,
        body: { id: opened.body['id'], resolution: 'withdrawn' },
      });
    },
    TIMEOUT_MS,
  );

  test.runIf(LONG)(
    'carries out what services do',
    async () => {
      const { docs, signIn } = await open(OF_SERVICES);
      await signIn('back-office', 'events:read webhooks:manage ops');
      for (const operationId of OF_SERVICES) {
        const { status, body } = await docs.execute(operationId);
        expect([operationId, status < 300 ? 'done' : body]).toEqual([operationId, 'done']);
      }
    },
    TIMEOUT_MS,
  );

  test(
    'has the whole document, and carries out an operation of it',
    async () => {
      const { docs, signIn } = await open();
      const { paths } = (await (await fetch(`${service.url}/openapi.json`)).json()) as ApiDocument;
      const all = Object.values(paths).flatMap((methods) => Object.values(methods));
      expect(await docs.operations()).toEqual(expect.arrayContaining(all.map(({ operationId }) => operationId)));
      await signIn('user-7');
      expect(await docs.execute('listDisputes')).toMatchObject({ status: 200 });
      expect(docs.complaints).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
