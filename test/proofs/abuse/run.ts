import { setTimeout as sleep } from 'node:timers/promises';
import { mintToken } from '../../../src/dev/development.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { startProcess } from '../../harness/process.ts';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import { type Attack, idle, largeBodies, slowBodies, slowHeaders } from './attacks.ts';

export interface AbuseOptions {
  readonly idleConnections: number;
  readonly slowConnections: number;
  readonly largeConnections: number;
  /** How long each attack lasts. */
  readonly seconds: number;
  /** How long the one lasts that the service ends by itself. */
  readonly slowSeconds: number;
  /** How many requests of other callers each attack lasts at least, however long that takes. */
  readonly requests: number;
  /** How long each of the other callers pauses between two requests, in milliseconds. */
  readonly pauseMs: number;
}

/** What other callers noticed of one attack. */
export interface Observed {
  readonly attack: string;
  /** Connections at the height of it, and how many the service had ended when it was over. */
  readonly connections: number;
  readonly ended: number;
  readonly served: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly memoryMb: number;
}

/** The attack that is over only when the time for headers is. */
export const SLOW = 'headers that never end';

const CALLERS = 4;

const at = (sorted: readonly number[], share: number): number =>
  Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10;

type Manner = Pick<AbuseOptions, 'seconds' | 'requests' | 'pauseMs'>;

/** Sends requests in good faith for a while, `requests` of them however long that takes, and says what came of them. */
async function callPolitely(url: string, token: string, disputeId: string, { seconds, requests, pauseMs }: Manner) {
  const until = performance.now() + seconds * 1_000;
  const times: number[] = [];
  let failed = 0;
  const paths = ['/v1/disputes?limit=5', `/v1/disputes/${disputeId}`, '/v1/reasons'];
  const work = async (caller: number) => {
    for (let count = caller; performance.now() < until || times.length < requests; count += 1) {
      const started = performance.now();
      const answer = await fetch(`${url}${paths[count % paths.length]}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(10_000),
      }).catch(() => null);
      await answer?.arrayBuffer();
      if (answer?.status !== 200) failed += 1;
      times.push(performance.now() - started);
      await sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(caller)));
  times.sort((a, b) => a - b);
  return { served: times.length - failed, failed, p50: at(times, 0.5), p99: at(times, 0.99), max: at(times, 1) };
}

/** Attacks a process of the service in four ways, one after another, while others go on calling it. */
export async function abuse(options: AbuseOptions): Promise<Observed[]> {
  const { idleConnections, slowConnections, largeConnections, seconds, slowSeconds } = options;
  const service = await startProcess({ role: 'api', env: { LOG_LEVEL: 'error' } });
  const { url } = service;
  const { id } = await seedDispute(service, 'cancellation');
  const token = await mintToken(TEST_SECRET, { sub: CLIENT });
  const mallory = await mintToken(TEST_SECRET, { sub: 'user-1' });
  const memory = async () => {
    const { text } = await service.withAuthorization(null).get('/metrics');
    return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1] ?? 0) / 1_048_576);
  };
  const none = async (): Promise<Attack> => ({ counts: () => ({ open: 0, ended: 0 }), stop: () => {} });
  const attacks: readonly (readonly [string, () => Promise<Attack>])[] = [
    ['none', none],
    [SLOW, () => slowHeaders(url, slowConnections)],
    ['bodies that never end', () => slowBodies(url, slowConnections, mallory)],
    ['bodies of a megabyte', () => largeBodies(url, largeConnections, mallory)],
    ['idle connections', () => idle(url, idleConnections)],
  ];
  const observed: Observed[] = [];
  for (const [name, begin] of attacks) {
    const attack = await begin();
    const connections = attack.counts().open;
    const manner = { ...options, seconds: name === SLOW ? slowSeconds : seconds };
    const noticed = await callPolitely(url, token, id, manner);
    observed.push({ attack: name, connections, ended: attack.counts().ended, ...noticed, memoryMb: await memory() });
    attack.stop();
  }
  await service.stop();
  return observed;
}
