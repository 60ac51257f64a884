import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { type Service, startService } from '../../../harness/service.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import { runMainFlow } from '../flow.ts';

/** A Redis of which a test can take away the part that matters. */
export interface FailingOver {
  readonly url: string;
  readonly kill: () => void;
  readonly failedOver: () => Promise<void>;
}

/** Whether a replica has caught up with its master, and goes on with it. */
export async function followsItsMaster(redis: Redis): Promise<boolean> {
  return /master_link_status:up/.test(await redis.info('replication'));
}

const TAKEN_AGAIN_MS = 30_000;
const LAST_LINES = 20;
const LOG_INFO = 30;

/** How many jobs were taken, whatever was found then: the sweeper may have come first. */
async function taken({ deps }: Service): Promise<number> {
  const { values } = await deps.app.system.metrics.jobs.get();
  return values.reduce((sum, { value }) => sum + value, 0);
}

async function flows(service: Service): Promise<void> {
  expect((await runMainFlow(service)).cancelled.status).toBe('mutually_cancelled');
}

/** Waits until a job is taken; where none is, says what the service told meanwhile, and where the jobs are. */
async function untilTaken(what: string, service: Service): Promise<void> {
  const before = await taken(service);
  const isTaken = async () => {
    await flows(service);
    return (await taken(service)) > before;
  };
  try {
    await waitFor(what, isTaken, TAKEN_AGAIN_MS);
  } catch (error) {
    // Jobs that wait past their time: no worker takes them. No jobs: no relay makes them.
    const jobs = await service.deps.app.http.queue.waiting(0, LAST_LINES).catch(String);
    const told = service.log.lines().filter(({ level }) => level > LOG_INFO);
    const found = JSON.stringify({ now: Date.now(), jobs, told: told.slice(-LAST_LINES) });
    throw new Error(`in vain: ${what}; ${found}`, { cause: error });
  }
}

/** Expects the main flow to go as ever before, while and after Redis fails over, and jobs to be taken again in the end. */
export async function expectToOutlive({ url, kill, failedOver }: FailingOver): Promise<void> {
  const service = await startService({
    role: 'all',
    env: { WINDOW_CANCELLATION: 'PT2S', REMINDERS: 'none' },
    redisUrl: url,
  });
  await untilTaken('a job is taken', service);
  kill();
  // No caller waits for Redis meanwhile.
  await flows(service);
  await failedOver();
  await untilTaken('a job is taken again', service);
  await service.close();
}
