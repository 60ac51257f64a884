import { type Browser, errors, type Locator, type Page } from 'playwright-core';
import { type ApiDocument, document, resolveRef } from '../../harness/api/document.ts';
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
  /** The operations on the page. */
  readonly operations: () => Promise<string[]>;
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

/** The parts of the document that a part of it refers to, and those that these refer to, by their pointers. */
function referredTo(part: unknown, found = new Set<string>()): Set<string> {
  for (const [, ref = ''] of JSON.stringify(part).matchAll(/"\$ref":"(#[^"]+)"/g)) {
    if (!found.has(ref)) referredTo(resolveRef(ref), found.add(ref));
  }
  return found;
}

/** The document with some of its operations, and of their answers nothing but that they succeed. */
function documentOf(whole: ApiDocument, operationIds: readonly string[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const [path, methods] of Object.entries(whole.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (!operationIds.includes(operation.operationId)) continue;
      paths[path] = { ...paths[path], [method]: { ...operation, responses: { '2XX': { description: 'Done.' } } } };
    }
  }
  const refs = referredTo(paths);
  const components = Object.entries(whole.components).map(([kind, parts]) => {
    const isUsed = ([name]: [string, unknown]) =>
      kind === 'securitySchemes' || refs.has(`#/components/${kind}/${name}`);
    return [kind, Object.fromEntries(Object.entries(parts).filter(isUsed))];
  });
  return { ...whole, paths, components: Object.fromEntries(components) };
}

/** Has the page be made from a part of the document that the service serves. */
async function keepOnly(page: Page, operationIds: readonly string[]): Promise<void> {
  await page.route('**/docs/json', async (route) => {
    const response = await route.fetch();
    const json = documentOf((await response.json()) as ApiDocument, operationIds);
    await route.fulfill({ response, json });
  });
}

/**
 * Opens the reference page of a service.
 * @param operationIds the operations on the page: the page draws all of its forms anew with each change, which takes seconds of
 *   a processor for the whole document. All operations and their answers, unless some are named.
 */
export async function openDocs(
  browser: Browser,
  serviceUrl: string,
  operationIds?: readonly string[],
): Promise<DocsPage> {
  const watched = await openPage(browser);
  const { page } = watched;
  if (operationIds !== undefined) await keepOnly(page, operationIds);
  await page.goto(`${serviceUrl}/docs`);
  await page.locator('.opblock').first().waitFor();
  return {
    ...watched,
    authorize: (token) => authorize(page, token),
    execute: (operationId) => execute(page, operationId),
    form: (operationId) => openForm(page, operationId),
    operations: () =>
      page.locator('.opblock').evaluateAll((blocks) => blocks.map(({ id }) => id.split('-').at(-1) ?? '')),
  };
}
