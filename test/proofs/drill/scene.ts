import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import type { Dispute } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';
import type { Deployment } from './deployment.ts';
import type { Outage } from './judge.ts';
import type { Operator, Say } from './operator.ts';
import type { Recording } from './recording.ts';

/** What an incident happens to, and who is there. */
export interface Scene {
  readonly deployment: Deployment;
  readonly operator: Operator;
  readonly recording: Recording;
  readonly visitor: Visitor;
  readonly say: Say;
  /** Times in which respondents could not answer: what the judgement counts. */
  readonly outages: Outage[];
}

/** A caller who asks three times a second, and so knows when the service answers. */
export interface Visitor {
  /** When the first request was answered after an instant, in milliseconds since 1970; undefined if none was. */
  readonly answeredAfter: (instant: number) => number | undefined;
  /** When requests failed, in milliseconds since 1970. */
  readonly failures: readonly number[];
  readonly stop: () => Promise<void>;
}

const PAUSE_MS = 300;

/** Starts one. It reads nothing of the disputes of others, since a read applies a deadline that has passed. */
export function startVisitor({ api }: Deployment): Visitor {
  const answers: number[] = [];
  const failures: number[] = [];
  let stopped = false;
  const run = async () => {
    const authorization = `Bearer ${await mintToken(TEST_SECRET, { sub: 'a-visitor' })}`;
    while (!stopped) {
      const isAnswered = await fetch(`${api.process().url}/v1/disputes/summary`, {
        headers: { authorization },
        signal: AbortSignal.timeout(3_000),
      }).then(
        async (response) => {
          await response.text();
          return response.ok;
        },
        () => false,
      );
      (isAnswered ? answers : failures).push(Date.now());
      await sleep(PAUSE_MS);
    }
  };
  const running = run();
  return {
    failures,
    answeredAfter: (instant) => answers.find((at) => at > instant),
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

/** Sends again what a busy process has refused: nothing was changed then. */
const insist = <T>(what: string, send: () => Promise<T>): Promise<Exclude<T, undefined | null | false>> =>
  waitFor(what, () => send().catch(() => undefined), 30_000, 300);

/** Has clients ask to cancel new orders. */
export const askToCancel = ({ deployment }: Scene, count: number): Promise<Dispute[]> =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const service = deployment.api.process();
      return await insist('a dispute is opened', async () => {
        const { id } = await seedOrder(service, {}, `order-${randomUUID()}`);
        return await seedDispute(service, 'cancellation', { orderId: id });
      });
    }),
  );

/** Has the freelancer refuse a cancellation. @throws if that is not taken */
export async function refuse({ deployment }: Scene, { id }: Pick<Dispute, 'id'>): Promise<void> {
  const freelancer = deployment.api.process().as(FREELANCER);
  await insist('the answer of the freelancer is taken', async () => {
    const { status, body } = await freelancer.post<Dispute>(`/v1/disputes/${id}/decline`);
    return status === 200 && body;
  });
}

/** Waits until silence has cancelled orders, as the database has it, which no read brings about. */
export const cancelled = ({ deployment }: Scene, disputes: readonly Dispute[]) =>
  waitFor('silence has cancelled the orders', async () => {
    const rows = await deployment.database.query(
      `SELECT 1 FROM disputes WHERE id = ANY($1) AND resolution = 'expired'`,
      [disputes.map(({ id }) => id)],
    );
    return rows.length === disputes.length;
  });

/** Waits until the metrics say something, and for the seconds after it from which rates are taken. */
export async function seen({ recording }: Scene, name: string, value: number): Promise<void> {
  const isSeen = () => {
    const found = [...recording.latest()].filter(([series]) => series.startsWith(`${name}{`));
    return found.length > 0 && found.some(([, at]) => at === value);
  };
  await waitFor(`${name} is ${value}`, isSeen);
  await scrapes(recording, 5);
}

/** Waits for so many scrapes. */
export async function scrapes({ scrapes: all }: Recording, count: number): Promise<void> {
  const until = all.length + count;
  await waitFor('scrapes', () => all.length >= until);
}

/** Waits until the visitor is answered again, and notes the outage. */
export async function endOutage({ visitor, outages }: Scene, from: number, mendedFrom: number): Promise<void> {
  const until = await waitFor('the visitor is answered', () => visitor.answeredAfter(mendedFrom));
  outages.push({ from, until });
}

/** Waits until api and worker tell that they reach everything, and that a worker lives. */
export async function allIsWell({ recording }: Scene): Promise<void> {
  const told = { workers_alive: 1, deadlines_overdue: 1, postgres_up: 2, redis_up: 2 };
  await waitFor('all is well', () => {
    const series = [...recording.latest()];
    const countOf = (name: string) =>
      series.filter(([key, value]) => key.startsWith(`${name}{`) && (name === 'deadlines_overdue' || value === 1))
        .length;
    return Object.entries(told).every(([name, count]) => countOf(name) === count);
  });
}
