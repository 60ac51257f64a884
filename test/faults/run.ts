import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../harness/wait-for.ts';
import { type Fault, LANES, type Scene, type Staged } from './faults.ts';
import { insertHerd } from './herd.ts';
import { type Breach, findBreaches } from './invariants.ts';
import { type History, seedOrders, startLoad } from './load.ts';
import { createRandom } from './random.ts';
import { type Stage, setUp } from './stage.ts';

export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Disputes opened through the API in a second. */
  readonly rate: number;
  /** Whether nothing goes wrong: what the service does on a good day. */
  readonly calm: boolean;
}

/** How late one deadline took effect. */
export interface Late {
  readonly ms: number;
  readonly dueAt: number;
  readonly disputeId: string;
}

export interface RunResult {
  readonly options: RunOptions;
  readonly staged: readonly Staged[];
  readonly disputes: number;
  readonly breaches: readonly Breach[];
  readonly lateness: readonly Late[];
  readonly history: History;
  readonly exits: readonly { ms: number; code: number | null }[];
}

const DRAIN_MS = 60_000;

async function runLane(lane: readonly Fault[], scene: Scene, until: number, staged: Staged[]): Promise<void> {
  while (Date.now() < until) {
    const fault = scene.random.pick(lane);
    const from = Date.now();
    await fault.run(scene).catch((error: unknown) => console.error(`staging ${fault.kind} failed:`, error));
    staged.push({ kind: fault.kind, from, until: Date.now() });
    await sleep(scene.random.int(50, 600));
  }
}

async function drain({ admin }: Stage): Promise<void> {
  await waitFor(
    'everything that was opened is resolved',
    async () => {
      const { rows } = await admin.query("SELECT 1 FROM disputes WHERE status = 'open' LIMIT 1");
      return rows.length === 0;
    },
    DRAIN_MS,
  ).catch(() => {}); // what is left open, the invariants will name
}

/** How late each deadline took effect; while PostgreSQL was away, nothing could, and that time does not count. */
async function measureLateness({ stage, outages, targeted }: Scene): Promise<Late[]> {
  const { rows } = await stage.admin.query<{ id: string; due: number; at: number }>(
    `SELECT d.id::text, (extract(epoch from d.respond_by) * 1000)::float8 AS due,
       (extract(epoch from d.resolved_at) * 1000)::float8 AS at FROM disputes d WHERE d.resolution = 'expired'`,
  );
  const until = new Map(targeted.map((target) => [target.id, target.until]));
  return rows.map(({ id, due, at }) => {
    const outage = outages.findLast((candidate) => candidate.from <= at && candidate.until >= due);
    const from = Math.max(due, outage?.until ?? 0, Math.min(until.get(id) ?? 0, at));
    return { disputeId: id, dueAt: due, ms: Math.max(0, at - from) };
  });
}

/** Runs the load with its faults once, waits until everything due has been settled, and judges. */
export async function runOnce(options: RunOptions): Promise<RunResult> {
  const random = createRandom(options.seed);
  const stage = await setUp();
  try {
    const prefix = `seed-${options.seed}-`;
    await seedOrders(stage.admin, prefix, options.rate * (options.seconds + 60));
    const herd = (count: number) => insertHerd(stage.admin, count);
    const scene: Scene = { stage, random, outages: [], targeted: [], exits: [], herd };
    const staged: Staged[] = [];
    const load = await startLoad(stage.apis, random, prefix, options.rate);
    const until = Date.now() + options.seconds * 1_000;
    if (options.calm) await sleep(options.seconds * 1_000);
    else await Promise.all(LANES.map((lane) => runLane(lane, scene, until, staged)));
    await load.stop();
    await drain(stage);
    const { rows } = await stage.admin.query<{ count: number }>('SELECT count(*)::integer AS count FROM disputes');
    return {
      options,
      staged,
      disputes: rows[0]?.count ?? 0,
      breaches: await findBreaches(stage.admin, load.history),
      lateness: await measureLateness(scene),
      history: load.history,
      exits: scene.exits,
    };
  } finally {
    await stage.close();
  }
}
