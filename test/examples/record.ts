import type { Examples } from '../../src/http/openapi/recorded-examples.ts';
import { askForAChange, cancelByAgreement, provideAnUpdate } from './parties.ts';
import { refuseByLoad, refuseByRule, refuseInput } from './refusals.ts';
import { manageWebhooks, operate, readAsAService } from './services.ts';
import { createStage } from './stage.ts';
import { tryTestClocks } from './test-clocks.ts';

const CHAPTERS = [
  manageWebhooks,
  cancelByAgreement,
  provideAnUpdate,
  askForAChange,
  refuseInput,
  refuseByRule,
  refuseByLoad,
  readAsAService,
  operate,
  tryTestClocks,
];

/** Tells the story to a service of its own, and returns what there was to see. Each run gives the same. */
export async function recordExamples(): Promise<Examples> {
  const stage = await createStage();
  for (const chapter of CHAPTERS) await chapter(stage);
  return stage.recorder.examples();
}
