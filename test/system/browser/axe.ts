import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

/** What axe finds of some weight in a part of a page, with the places. @param rules all of them, unless some are named */
export async function findings(page: Page, within: string, rules: readonly string[]): Promise<string[]> {
  // Pages without frames need no second page in which the findings of frames are put together.
  const axe = new AxeBuilder({ page })
    .include(within)
    .options({ resultTypes: ['violations'] })
    .setLegacyMode();
  if (rules.length > 0) axe.withRules([...rules]);
  const { violations } = await axe.analyze();
  const heavy = violations.filter(({ impact }) => impact !== 'minor');
  return heavy.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}
