import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient } from '../../../src/platform/postgres/database.ts';
import { insertHerd, isAnyOpen } from '../../harness/stage/herd.ts';
import { canMoveClocks } from '../../harness/stage/programs.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { LANES } from './kinds/faults.ts';
import { seedOrders, startLoad } from './load/load.ts';
import { createRandom } from './load/random.ts';
import type { Fault, Scene, Staged } from './scene.ts';
import { type Stage, setUp } from './stage.ts';
import type { History } from './verify/history.ts';
import type { Breach } from './verify/invariants.ts';
import { type Late, measureLateness } from './verify/lateness.ts';
import { findBreaches } from './verify/promises.ts';

export interface RunOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Disputes opened through the API in a second. */
  readonly rate: number;
  /** How many of them are opened at once. */
  readonly burst: number;
  /** For how many of the seconds nothing goes wrong yet. */
  readonly calmSeconds: number;
  /** The numbers of the faults that are staged; null for all. */
  readonly only: readonly string[] | null;
  /** How long each lane pauses between two faults, in milliseconds on average. */
  readonly pauseMs: number;
  /** The same for the lanes whose faults restart processes. */
  readonly restartPauseMs: number;
  /** How many deadlines a herd has at most; at least two fifths of them. */
  readonly herd: number;
}

export interface RunResult {
  readonly options: RunOptions;
  readonly staged: readonly Staged[];
  /** How many more were chosen and found nothing to happen to. */
  readonly missed: number;
  readonly disputes: number;
  readonly breaches: readonly Breach[];
  /** What did not hold in a single fault. */
  readonly failures: readonly string[];
  readonly calm: readonly Late[];
  readonly faulty: readonly Late[];
  readonly history: History;
  readonly exits: Scene['exits'];
}

const DRAIN_MS = 60_000;
/** Processes that have just been started are slower at first: until then, what is measured does not count as calm. */
const WARM_UP_MS = 6_000;
const SMALLEST_HERD = 0.4;
/** What falls due this long before the first fault was settled without any. */
const SETTLED_MS = 1_000;

/** What has been staged, and how many faults found nothing to happen to. */
interface Journal {
  readonly staged: Staged[];
  missed: number;
}

async function stageOne(fault: Fault, scene: Scene, journal: Journal): Promise<void> {
  const from = Date.now();
  try {
    const outcome = await fault.run(scene);
    if (outcome === 'missed') journal.missed += 1;
    else journal.staged.push({ kind: fault.kind, from, until: Date.now(), figure: outcome ?? undefined });
  } catch (error) {
    journal.missed += 1;
    // Else PostgreSQL was away by another fault.
    if (!isTransient(error)) console.error(`staging ${fault.kind} failed:`, error);
  }
}

function possibleFaults(lane: readonly Fault[], only: RunOptions['only']): Fault[] {
  return lane.filter(
    ({ needs, number }) => (needs === undefined || canMoveClocks) && (only === null || only.includes(number)),
  );
}

interface Lane {
  readonly possible: readonly Fault[];
  readonly until: number;
  readonly pauseMs: number;
}

async function runLane({ possible, until, pauseMs }: Lane, scene: Scene, journal: Journal): Promise<void> {
  const underWay = new Map<string, Promise<void>>();
  while (possible.length > 0 && Date.now() < until) {
    const fault = scene.random.pick(possible);
    const { kind, inBackground } = fault;
    // Of those that go on in the background one at a time, too.
    if (inBackground && !underWay.has(kind)) {
      underWay.set(
        kind,
        stageOne(fault, scene, journal).finally(() => underWay.delete(kind)),
      );
    }
    if (!inBackground) await stageOne(fault, scene, journal);
    await sleep(scene.random.int(Math.round(pauseMs / 4), Math.round((pauseMs * 7) / 4)));
  }
  await Promise.all(underWay.values());
}

/** Waits until everything that was opened is resolved. What is left open, the invariants will name. */
export async function drain({ admin }: Stage): Promise<void> {
  const isDone = async () => !(await isAnyOpen(admin));
  await waitFor('everything that was opened is resolved', isDone, DRAIN_MS).catch(() => {});
}

/** Runs the load with its faults once, waits until everything due has been settled, and judges. */
export async function runOnce(options: RunOptions): Promise<RunResult> {
  const { seed, seconds, rate, burst, calmSeconds, only, herd: mostInHerd } = options;
  const stage = await setUp();
  try {
    const prefix = `seed-${seed}-`;
    const count = rate * (seconds + 60);
    await seedOrders(stage.admin, prefix, count);
    const load = await startLoad(stage.apis, { seed, prefix, rate, burst, count });
    const shared = { outages: [], targeted: [], poisoned: [] as string[], exits: [], breaches: [] };
    const scene = { ...shared, stage, client: load.client };
    const journal: Journal = { staged: [], missed: 0 };
    const { staged } = journal;
    const warm = Date.now() + WARM_UP_MS;
    const until = Date.now() + seconds * 1_000;
    await sleep(calmSeconds * 1_000);
    const firstFault = Date.now();
    // Each lane with its own source of chance, so that a seed means the same faults in the same order.
    const lanes = LANES.map(({ faults, restarts }, n) => {
      const random = createRandom(seed * 31 + n);
      const herd = () => insertHerd(stage.admin, random.int(Math.round(mostInHerd * SMALLEST_HERD), mostInHerd));
      const pauseMs = restarts ? options.restartPauseMs : options.pauseMs;
      return runLane({ possible: possibleFaults(faults, only), until, pauseMs }, { ...scene, random, herd }, journal);
    });
    // With nothing to stage, it goes on for as long all the same.
    await Promise.all([...lanes, sleep((seconds - calmSeconds) * 1_000)]);
    await load.stop();
    await drain(stage);
    const { rows } = await stage.admin.query<{ count: number }>('SELECT count(*)::integer AS count FROM disputes');
    const late = await measureLateness(scene);
    const isCalm = ({ dueAt }: Late) => dueAt > warm && (staged.length === 0 || dueAt < firstFault - SETTLED_MS);
    return {
      options,
      staged,
      missed: journal.missed,
      disputes: rows[0]?.count ?? 0,
      breaches: await findBreaches(stage.admin, load.history, shared.poisoned),
      failures: shared.breaches,
      calm: late.filter(isCalm),
      faulty: late.filter((one) => !isCalm(one)),
      history: load.history,
      exits: shared.exits,
    };
  } finally {
    await stage.close();
  }
}
