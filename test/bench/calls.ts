import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

/** A request as a caller sends it. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly key?: string;
}

export interface CallOptions {
  readonly connections: number;
  /** Not counted. */
  readonly warmUpMs: number;
  readonly forMs: number;
  /** Calls in a second over all connections, evenly; as many as are answered if it is not given. */
  readonly perSecond?: number;
  /** Called when counting begins, and when it has ended. */
  readonly onCounting?: (isCounting: boolean) => void;
}

export interface Called {
  readonly perSecond: number;
  /** How long each answer took, in milliseconds, shortest first. */
  readonly tookMs: readonly number[];
}

/** The value below which a part of the sorted values lies. */
export const quantile = (sorted: readonly number[], q: number): number => sorted[Math.floor(sorted.length * q)] ?? 0;

/** The time of each call, so that they come evenly however long answers take. */
function pacer(perSecond: number | undefined): () => Promise<void> {
  if (perSecond === undefined) return async () => {};
  const begun = performance.now();
  let n = 0;
  return async () => {
    n += 1;
    const wait = begun + (n * 1_000) / perSecond - performance.now();
    if (wait > 0) await sleep(wait);
  };
}

/**
 * Calls a server from so many connections for a while: each sends its next call when the one before was answered.
 * @throws if anything is answered with an error
 */
export async function callFor(url: string, nextCall: () => Call, options: CallOptions): Promise<Called> {
  const { connections, warmUpMs, forMs, perSecond, onCounting } = options;
  const pool = new Pool(url, { connections, pipelining: 1 });
  const tookMs: number[] = [];
  const turn = pacer(perSecond);
  let isCounting = false;
  let isOver = false;
  const run = async () => {
    while (!isOver) {
      await turn();
      const { method, path, token, body, key } = nextCall();
      const headers = {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      };
      const begun = performance.now();
      const payload = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await pool.request({ method, path, headers, ...payload });
      if (answer.statusCode >= 400) {
        throw new Error(`${method} ${path} was answered ${answer.statusCode} ${await answer.body.text()}`);
      }
      await answer.body.dump();
      if (isCounting) tookMs.push(performance.now() - begun);
    }
  };
  const measure = async () => {
    await sleep(warmUpMs);
    onCounting?.(true);
    isCounting = true;
    const begun = performance.now();
    await sleep(forMs);
    const seconds = (performance.now() - begun) / 1_000;
    isCounting = false;
    onCounting?.(false);
    isOver = true;
    return tookMs.length / seconds;
  };
  try {
    const [rate] = await Promise.all([measure(), ...Array.from({ length: connections }, run)]);
    return { perSecond: rate, tookMs: tookMs.sort((one, other) => one - other) };
  } finally {
    isOver = true;
    await pool.close();
  }
}
