import { expect } from '@jest/globals';
import { type Service, startService } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { runMainFlow } from './flow.ts';

/** A Redis of which a test can take away the part that matters. */
export interface FailingOver {
  readonly url: string;
  readonly kill: () => void;
  readonly failedOver: () => Promise<void>;
}

const TAKEN_AGAIN_MS = 30_000;

/** How many jobs were taken, whatever was found then: the sweeper may have come first. */
async function taken({ deps }: Service): Promise<number> {
  const { values } = await deps.app.system.metrics.jobs.get();
  return values.reduce((sum, { value }) => sum + value, 0);
}

async function flows(service: Service): Promise<void> {
  expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
}

/** Expects the main flow to go as ever before, while and after Redis fails over, and jobs to be taken again in the end. */
export async function expectToOutlive({ url, kill, failedOver }: FailingOver): Promise<void> {
  const service = await startService({
    role: 'all',
    env: { WINDOW_CANCELLATION: 'PT2S', REMINDERS: 'none' },
    redisUrl: url,
  });
  const isTakenAfter = (before: number) => async () => {
    await flows(service);
    return (await taken(service)) > before;
  };
  await waitFor('a job is taken', isTakenAfter(0), TAKEN_AGAIN_MS);
  kill();
  // Nobody is asked to wait for Redis meanwhile.
  await flows(service);
  await failedOver();
  await waitFor('a job is taken again', isTakenAfter(await taken(service)), TAKEN_AGAIN_MS);
  await service.close();
}
