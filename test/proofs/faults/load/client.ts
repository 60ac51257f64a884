import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { mintToken } from '../../../../src/dev/development.ts';
import { type Instance, SECRET } from '../../../harness/stage/instances.ts';
import type { History } from '../verify/history.ts';

export interface Body {
  readonly id?: string;
  readonly code?: string;
  readonly status?: string;
  readonly resolution?: string | null;
  readonly respondBy?: string;
  readonly serverTime?: string;
  readonly held?: { readonly since: string } | null;
}

export interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly retryAfter: string | null;
  /** How long it took, without the time in which the api that gave it was stopped by SIGSTOP; in milliseconds. */
  readonly ms: number;
}

export type Sender = 'client' | 'freelancer' | 'order_service' | 'operator';

export interface Request {
  readonly as: Sender;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly key?: string;
}

export interface Client {
  /** Sends a request once, to one api or the other; null if no answer came. */
  readonly send: (request: Request) => Promise<Answer | null>;
  /** Sends it again, with its key, until there is an answer that is one; null if that takes too long. */
  readonly insist: (request: Request) => Promise<Answer | null>;
}

const REQUEST_MS = 8_000;
const TRIES = 60;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

const isUnsettled = (answer: Answer | null) =>
  answer === null || answer.status >= 500 || answer.body.code === 'idempotency_key_in_use';

/** A client of all apis at once, as behind a load balancer that knows of no failure, but is told of restarts. */
export async function createClient(apis: readonly Instance[], history: History): Promise<Client> {
  const tokens: Readonly<Record<Sender, string>> = {
    client: await mintToken(SECRET, { sub: 'user-7' }),
    freelancer: await mintToken(SECRET, { sub: 'user-9' }),
    order_service: await mintToken(SECRET, { sub: 'orders', scope: 'orders:write' }),
    operator: await mintToken(SECRET, { sub: 'operator', scope: 'ops' }),
  };
  const count = (kind: string) => void history.answers.set(kind, (history.answers.get(kind) ?? 0) + 1);
  let turn = 0;
  const nextApi = () => {
    turn += 1;
    const ready = apis.filter(({ isDrained }) => !isDrained);
    return ready[turn % ready.length];
  };

  const send = async ({ as, method, path, body: sent, key }: Request): Promise<Answer | null> => {
    const api = nextApi();
    if (api === undefined) return null;
    const begun = performance.now();
    const frozenBefore = api.frozenMs;
    const headers = {
      authorization: `Bearer ${tokens[as]}`,
      ...(sent !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    };
    try {
      const payload = sent === undefined ? {} : { body: JSON.stringify(sent) };
      const signal = AbortSignal.timeout(REQUEST_MS);
      // As fetch does, at half of its price: on two cores the callers must not be what deadlines wait for.
      const response = await request(`${api.url}${path}`, { method, headers, ...payload, signal });
      const body = (await response.body.json()) as Body;
      const ms = performance.now() - begun;
      const answer = {
        status: response.statusCode,
        body,
        retryAfter: response.headers['retry-after']?.toString() ?? null,
        ms: ms - (api.frozenMs - frozenBefore),
      };
      count(`${answer.status}${answer.status >= 400 ? ` ${answer.body.code}` : ''}`);
      if (answer.status === 500) history.broken.push(path);
      if (response.headers['idempotency-replayed'] !== undefined) count('of these replayed');
      history.latenciesMs.push({ at: Date.now(), ms });
      return answer;
    } catch {
      count('no answer');
      return null;
    }
  };

  const insist = async (request: Request): Promise<Answer | null> => {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const answer = await send(request);
      if (!isUnsettled(answer)) return answer;
      const backOffMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random());
      await sleep(Number(answer?.retryAfter ?? 0) * 1_000 + backOffMs);
    }
    history.unanswered.push(`${request.method} ${request.path}`);
    return null;
  };
  return { send, insist };
}
