import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { mintToken } from '../../../src/dev/development.ts';
import { onCleanup, once } from '../../harness/cleanup.ts';

const PAUSE_MS = 100;
const CALLERS = 3;
/** For how long a call is sent again. A machine that stands still for seconds is no fault of a procedure. */
const PATIENCE_MS = 60_000;

/** Answers after which the API says to send the request again, under the same key. */
const AGAIN = new Set(['unavailable', 'idempotency_key_in_use']);

export interface Load {
  /** The calls that were answered by an error, or by no api. */
  readonly failures: string[];
  /** How many were answered. */
  readonly answered: () => number;
  /** Signs the tokens from now on. */
  signWith: (secret: string) => void;
  /** Calls one operation as a service or, without scopes, as a user. */
  readonly call: (who: Who, method: string, path: string, body?: unknown) => Promise<Answered>;
  /** Resolves when the calls under way are answered. */
  readonly stop: () => Promise<void>;
}

export interface Who {
  readonly sub: string;
  readonly scope?: string;
}

export interface Answered {
  readonly status: number;
  readonly body: {
    readonly id: string;
    readonly secret: string;
    readonly status: string;
    readonly respondBy: string;
    readonly code?: string;
  };
}

/**
 * Has orders reported and disputes opened and answered all the time, by callers that know two apis: what one does not accept,
 * or cannot do at the moment, they send to the other, under the same Idempotency-Key.
 */
export function startLoad(apis: readonly string[], firstSecret: string, callers = CALLERS): Load {
  const failures: string[] = [];
  let [secret, answered, turn, isOver] = [firstSecret, 0, 0, false];

  const call: Load['call'] = async (who, method, path, body) => {
    const headers = {
      authorization: `Bearer ${await mintToken(secret, who)}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    };
    const init = { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) };
    let last: unknown;
    turn += 1;
    const until = performance.now() + PATIENCE_MS;
    for (let index = turn; performance.now() < until; index += 1) {
      try {
        const response = await fetch(`${apis[index % apis.length]}${path}`, init);
        const answer = { status: response.status, body: (await response.json()) as Answered['body'] };
        if (AGAIN.has(answer.body.code ?? '')) throw new Error(answer.body.code);
        answered += 1;
        if (!response.ok) failures.push(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
        return answer;
      } catch (error) {
        last = error;
        await sleep(PAUSE_MS);
      }
    }
    failures.push(`${method} ${path}: ${String(last)}`);
    throw new Error(`no api answers: ${method} ${path}`, { cause: last });
  };

  const work = async (caller: number) => {
    for (let round = 0; !isOver; round += 1) {
      const order = `load-${caller}-${round}`;
      const [clientId, freelancerId] = [`client-${caller}`, `freelancer-${caller}`];
      const report = { clientId, freelancerId, status: 'in_progress', title: 'Logo', deliverBy: null, revision: 1 };
      const price = { amount: 1_000, currency: 'EUR' };
      await call({ sub: 'orders', scope: 'orders:write' }, 'PUT', `/v1/orders/${order}`, { ...report, price });
      const { body } = await call({ sub: clientId }, 'POST', `/v1/orders/${order}/disputes`, {
        type: 'cancellation',
        reason: 'late_delivery',
        comment: 'It is late.',
      });
      await call({ sub: freelancerId }, 'POST', `/v1/disputes/${body.id}/decline`, { comment: 'It is not.' });
      await sleep(PAUSE_MS);
    }
  };
  const all = Promise.all(Array.from({ length: callers }, (_, caller) => work(caller)));
  all.catch(() => {}); // `stop` tells
  const stop = once(async () => {
    isOver = true;
    await all;
  });
  onCleanup(stop);
  return {
    failures,
    answered: () => answered,
    signWith: (next) => {
      secret = next;
    },
    call,
    stop,
  };
}
