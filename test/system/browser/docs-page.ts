import { type Browser, errors, type Locator, type Page } from 'playwright-core';
import { document } from '../../harness/document.ts';
import { openPage, type WatchedPage } from './chromium.ts';

/** What the page shows of one answer. */
export interface Shown {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The reference page, as a new user works with it: nothing is typed but tokens. */
export interface DocsPage extends WatchedPage {
  /** Signs out, if need be, and in with another token. */
  readonly authorize: (token: string) => Promise<void>;
  /** Executes an operation with the values that its form is filled with. */
  readonly execute: (operationId: string) => Promise<Shown>;
  /** The form of an operation, opened. */
  readonly form: (operationId: string) => Promise<Locator>;
}

function tagOf(operationId: string): string {
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const tag = operations.find((one) => one.operationId === operationId)?.tags[0];
  if (tag === undefined) throw new Error(`the document has no operation ${operationId}`);
  return tag;
}

async function openForm(page: Page, operationId: string): Promise<Locator> {
  const block = page.locator(`[id="operations-${tagOf(operationId)}-${operationId}"]`);
  const isOpen = (await block.getAttribute('class'))?.includes('is-open') ?? false;
  if (!isOpen) await block.locator('.opblock-summary-control').click();
  const tryIt = block.getByRole('button', { name: 'Try it out' });
  await block.locator('.try-out').waitFor();
  if ((await tryIt.count()) > 0) await tryIt.click();
  return block;
}

/** @throws what the form says of its values, if it does not execute */
async function execute(page: Page, operationId: string): Promise<Shown> {
  const block = await openForm(page, operationId);
  const answered = page.waitForResponse((response) => response.url().includes('/v1/'));
  await block.getByRole('button', { name: 'Execute' }).click();
  const answer = await answered.catch(async (error: unknown) => {
    const invalid = await block.locator('input.invalid, textarea.invalid').count();
    throw error instanceof errors.TimeoutError ? new Error(`${operationId}: ${invalid} values are invalid`) : error;
  });
  const status = String(answer.status());
  await block.locator('.live-responses-table .response-col_status', { hasText: status }).first().waitFor();
  const shown = await block.locator('.live-responses-table .response-col_description pre').first().textContent();
  // An open form is drawn anew with every change in the page.
  await block.locator('.opblock-summary-control').click();
  return { status: answer.status(), body: JSON.parse(shown ?? 'null') as Shown['body'] };
}

async function authorize(page: Page, token: string): Promise<void> {
  await page.locator('.auth-wrapper .btn.authorize').click();
  const dialog = page.locator('.modal-ux');
  await dialog.locator('.auth-btn-wrapper').waitFor();
  const signOut = dialog.getByRole('button', { name: 'Remove authorization' });
  if ((await signOut.count()) > 0) await signOut.click();
  await dialog.locator('input').fill(token);
  await dialog.getByRole('button', { name: 'Apply credentials' }).click();
  await dialog.getByRole('button', { name: 'Close' }).last().click();
  await dialog.waitFor({ state: 'detached' });
}

/** Opens the reference page of a service. */
export async function openDocs(browser: Browser, serviceUrl: string): Promise<DocsPage> {
  const watched = await openPage(browser);
  const { page } = watched;
  await page.goto(`${serviceUrl}/docs`);
  await page.locator('.opblock').first().waitFor();
  return {
    ...watched,
    authorize: (token) => authorize(page, token),
    execute: (operationId) => execute(page, operationId),
    form: (operationId) => openForm(page, operationId),
  };
}
