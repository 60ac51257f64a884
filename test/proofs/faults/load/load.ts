import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { DISPUTE_TYPES } from '../../../../src/domain/rules.ts';
import type { Instance } from '../../../harness/stage/instances.ts';
import { emptyHistory, type History } from '../verify/history.ts';
import { type Client, createClient } from './client.ts';
import { createRandom, type Random } from './random.ts';
import { tell } from './stories.ts';

export interface Load {
  readonly history: History;
  readonly client: Client;
  /** Opens disputes until it is stopped, and waits for what is under way. */
  readonly stop: () => Promise<void>;
}

export interface LoadOptions {
  readonly seed: number;
  readonly prefix: string;
  /** Disputes opened in a second. */
  readonly rate: number;
  /** How many of them are opened at once: commands that arrive together share a transaction. One if it is not given. */
  readonly burst?: number;
  /** How many orders there are: none of them gets a second dispute. */
  readonly count: number;
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

function scopeOf(random: Random, recent: readonly string[]) {
  const chance = random.next();
  if (chance < 0.2) return {};
  return chance < 0.5 || recent.length === 0 ? { type: random.pick(DISPUTE_TYPES) } : { orderIds: recent };
}

/** An operator holds some deadlines for a moment: all of them, those of one type, or those of some orders. */
async function hold({ client, history }: Pick<Load, 'client' | 'history'>, random: Random, key: string) {
  const scope = scopeOf(random, [...history.opened.keys()].slice(-100));
  const lastsMs = random.int(300, 1_500);
  const path = '/v1/ops/holds';
  const body = { ...scope, note: 'Mail is down.' };
  const begun = await client.insist({ as: 'operator', method: 'POST', path, body, key });
  if (begun?.status !== 201) return;
  const from = Date.now();
  await sleep(lastsMs);
  const until = Date.now();
  const { type = null, orderIds = null } = scope as { type?: (typeof DISPUTE_TYPES)[number]; orderIds?: string[] };
  history.held.push({ type, orderIds, from, until });
  await client.insist({ as: 'operator', method: 'DELETE', path: `${path}/${begun.body.id}` });
}

/** Starts the load: disputes of all types, with all that people and networks do to them, and now and then a hold. */
export async function startLoad(apis: readonly Instance[], options: LoadOptions): Promise<Load> {
  const { seed, prefix, rate, burst = 1, count } = options;
  const history = emptyHistory();
  const client = await createClient(apis, history);
  let stopped = false;
  const underWay = new Set<Promise<void>>();
  const follow = (story: Promise<void>) => {
    const followed = story.finally(() => underWay.delete(followed));
    underWay.add(followed);
  };

  const openDisputes = async () => {
    const begun = performance.now();
    for (let n = 1; !stopped && n <= count; n += 1) {
      // Each with its own source of chance: the same seed tells the same stories, however long each of them takes.
      const random = createRandom(seed * 1_000_003 + n);
      follow(tell({ client, history, random, orderId: `${prefix}${n}` }));
      if (n % burst === 0) await sleep(Math.max(0, begun + (n * 1_000) / rate - performance.now()));
    }
  };
  const beginHolds = async () => {
    const random = createRandom(seed + 1);
    for (let n = 1; !stopped; n += 1) {
      await sleep(random.int(2_000, 5_000));
      if (!stopped) await hold({ client, history }, random, `${prefix}hold-${n}`);
    }
  };
  const running = Promise.all([openDisputes(), beginHolds()]);
  return {
    history,
    client,
    stop: async () => {
      stopped = true;
      await running;
      await Promise.all(underWay);
    },
  };
}
