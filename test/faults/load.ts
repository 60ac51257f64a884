import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { DisputeType, Role } from '../../src/domain/rules.ts';
import { mintToken } from '../../src/platform/development.ts';
import type { Random } from './random.ts';
import { type Instance, SECRET } from './stage.ts';

/** What a client was told, and may rely on. */
export interface Acknowledged {
  readonly disputeId: string;
  /** The resolution that a 200 promised, or `expired` where an answer was refused as too late. */
  readonly resolution: string;
}

export interface History {
  /** Dispute ids by the order that was opened: one each. */
  readonly opened: Map<string, string>;
  readonly acknowledged: Acknowledged[];
  readonly contradictions: string[];
  /** Answers by kind: `200`, `409 response_window_closed`, `503 unavailable`, `no answer` … */
  readonly answers: Map<string, number>;
  readonly latenciesMs: { at: number; ms: number }[];
}

interface Answer {
  readonly status: number;
  readonly body: { id?: string; code?: string; resolution?: string; respondBy?: string; serverTime?: string };
}

const REQUEST_MS = 8_000;
const TRIES = 60;

export interface Load {
  readonly history: History;
  /** Opens disputes until it is stopped, and waits for what is under way. */
  readonly stop: () => Promise<void>;
}

const ROLES: Readonly<Record<DisputeType, readonly Role[]>> = {
  order_update: ['client'],
  cancellation: ['client', 'freelancer'],
  order_change: ['freelancer'],
};

function requestOf(type: DisputeType, role: Role) {
  if (type === 'order_update') return { type };
  if (type === 'order_change') return { type, change: { extras: [{ title: 'More', price: 500 }] } };
  return role === 'client' ? { type, comment: 'Late.' } : { type, reason: 'unable_to_complete' };
}

/** Puts orders into the database without their service: the load is about disputes. */
export async function seedOrders(admin: Pool, prefix: string, count: number): Promise<void> {
  await admin.query(
    `INSERT INTO orders (id, client_id, freelancer_id, status, reported_status, price_amount, price_currency, revision,
       version, created_at, updated_at)
     SELECT $1 || n, 'user-7', 'user-9', 'in_progress', 'in_progress', 15000, 'USD', 1, 0, now(), now()
     FROM generate_series(1, $2::integer) AS n`,
    [prefix, count],
  );
}

/** Starts the load: `rate` disputes a second, of all types, with all that people and networks do to them. */
export async function startLoad(
  apis: readonly Instance[],
  random: Random,
  prefix: string,
  rate: number,
): Promise<Load> {
  const tokens = {
    client: await mintToken(SECRET, { sub: 'user-7' }),
    freelancer: await mintToken(SECRET, { sub: 'user-9' }),
    order_service: await mintToken(SECRET, { sub: 'orders', scope: 'orders:write' }),
  };
  const history: History = {
    opened: new Map(),
    acknowledged: [],
    contradictions: [],
    answers: new Map(),
    latenciesMs: [],
  };

  const send = async (
    as: keyof typeof tokens,
    method: string,
    path: string,
    body: unknown,
    key?: string,
  ): Promise<Answer | null> => {
    const begun = performance.now();
    try {
      const response = await fetch(random.pick(apis).url + path, {
        method,
        headers: {
          authorization: `Bearer ${tokens[as]}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(key !== undefined && { 'idempotency-key': key }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(REQUEST_MS),
      });
      const answer = { status: response.status, body: (await response.json()) as Answer['body'] };
      count(`${answer.status}${answer.status >= 400 ? ` ${answer.body.code}` : ''}`);
      history.latenciesMs.push({ at: Date.now(), ms: performance.now() - begun });
      return answer;
    } catch {
      count('no answer');
      return null;
    }
  };
  const count = (kind: string) => void history.answers.set(kind, (history.answers.get(kind) ?? 0) + 1);

  /** Repeats a request with its key until it has an answer that is one. */
  const insist = async (as: keyof typeof tokens, path: string, body: unknown, key: string): Promise<Answer | null> => {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const answer = await send(as, 'POST', path, body, key);
      const isUnsettled = answer === null || answer.status >= 500 || answer.body.code === 'idempotency_key_in_use';
      if (!isUnsettled) return answer;
      await sleep(100 + 200 * Math.random());
    }
    return null;
  };

  const note = (disputeId: string, answer: Answer | null) => {
    if (answer === null) return;
    if (answer.status === 200 && answer.body.resolution) {
      history.acknowledged.push({ disputeId, resolution: answer.body.resolution });
    } else if (answer.body.code === 'response_window_closed') {
      history.acknowledged.push({ disputeId, resolution: 'expired' });
    }
  };

  const answerAt = async (
    type: DisputeType,
    role: Role,
    disputeId: string,
    waitMs: number,
    copies: number,
    tag: string,
  ) => {
    await sleep(Math.max(0, waitMs));
    const respondent = role === 'client' ? 'freelancer' : 'client';
    const plan = {
      order_update: ['provide-update'],
      cancellation: ['accept', 'decline'],
      order_change: ['accept', 'decline'],
    };
    await Promise.all(
      Array.from({ length: copies }, async (_, index) => {
        const action = random.pick(plan[type]);
        const body = { comment: 'An answer.' };
        note(
          disputeId,
          await insist(respondent, `/v1/disputes/${disputeId}/${action}`, body, `${tag}-answer-${index}`),
        );
      }),
    );
  };

  const story = async (orderId: string) => {
    const type = random.pick(['order_update', 'cancellation', 'cancellation', 'order_change'] as const);
    const role = random.pick(ROLES[type]);
    const chance = random.next();
    const [offsetMs, copies] = [random.int(-60, 60), random.int(1, 3)];
    const openings = random.chance(0.05) ? 3 : 1;
    const path = `/v1/orders/${orderId}/disputes`;
    const answers = await Promise.all(
      Array.from({ length: openings }, () => insist(role, path, requestOf(type, role), `${orderId}-open`)),
    );
    const opened = answers.find((answer) => answer?.status === 201);
    const { id, respondBy, serverTime } = opened?.body ?? {};
    if (id === undefined || respondBy === undefined || serverTime === undefined) {
      const refused = answers.find((answer) => answer !== null && answer.status < 500);
      if (refused) history.contradictions.push(`${orderId} was refused with ${refused.body.code}`);
      return;
    }
    if (answers.some((answer) => answer?.status === 201 && answer.body.id !== id)) {
      history.contradictions.push(`${orderId} was opened twice with one key`);
    }
    history.opened.set(orderId, id);
    const leftMs = Date.parse(respondBy) - Date.parse(serverTime);
    if (chance < 0.4) return; // silence
    if (chance < 0.6) return await answerAt(type, role, id, leftMs * random.next() * 0.8, 1, id);
    if (chance < 0.8) return await answerAt(type, role, id, leftMs + offsetMs, copies, id);
    if (chance < 0.85) return note(id, await insist(role, `/v1/disputes/${id}/withdraw`, {}, `${id}-withdraw`));
    if (chance < 0.92)
      return void (await insist(role, `/v1/disputes/${id}/comments`, { comment: 'Well?' }, `${id}-comment`));
    const price = { amount: 15_000, currency: 'USD' };
    const status = random.pick(['delivered', 'completed', 'late'] as const);
    const report = { clientId: 'user-7', freelancerId: 'user-9', status, deliverBy: null, price, revision: 2 };
    await send('order_service', 'PUT', `/v1/orders/${orderId}`, report);
  };

  let stopped = false;
  const underWay = new Set<Promise<void>>();
  const run = async () => {
    for (let n = 1; !stopped; n += 1) {
      const promise: Promise<void> = story(`${prefix}${n}`).finally(() => underWay.delete(promise));
      underWay.add(promise);
      await sleep(1_000 / rate);
    }
  };
  const running = run();
  return {
    history,
    stop: async () => {
      stopped = true;
      await running;
      await Promise.all(underWay);
    },
  };
}
