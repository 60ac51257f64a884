import pg from 'pg';
import { onCleanup } from '../../harness/cleanup.ts';
import type { Random } from '../faults/load/random.ts';
import type { Statement } from './observed-database.ts';

/** One of those that race: what it does, once it may begin. */
export interface Racer {
  readonly name: string;
  /** Whether it begins with something that is not observed, so that it matters when. */
  readonly waitsToBegin: boolean;
  readonly run: (observe: (statement: Statement) => Promise<unknown>) => Promise<unknown>;
}

/** What became of a racer. */
export type Finish = { readonly result: unknown } | { readonly error: unknown };

interface Runner {
  readonly name: string;
  /** `ready`: it waits for permission; `sent`: its statement is under way; `busy`: it thinks. */
  state: 'ready' | 'sent' | 'busy' | 'done';
  pid: number;
  permit: () => void;
  waitsFor: string;
  finish: Finish | null;
}

/** What one interleaving came to. */
export interface Played {
  /** Every permission that was given, in order: who did what. */
  readonly steps: readonly string[];
  /** For each step, which runner it was and how many there were to choose from. */
  readonly choices: readonly { readonly taken: number; readonly of: number }[];
  readonly finishes: Readonly<Record<string, Finish>>;
}

const REST_MS = 20_000;
const ASK_AFTER_MS = 3;

const BLOCKED = 'SELECT pid FROM unnest($1::integer[]) AS pid WHERE cardinality(pg_blocking_pids(pid)) > 0';

/** The first words of a statement, and what it locks. */
function summary(text: string): string {
  const short = text.trim().split(/\s+/).slice(0, 3).join(' ').toUpperCase();
  return /for update/i.test(text) ? `${short} … FOR UPDATE` : short;
}

/** Plays interleavings on one server: it asks there who waits for a lock. */
export function createScheduler(databaseUrl: string) {
  const observer = new pg.Pool({ connectionString: databaseUrl, max: 1, allowExitOnIdle: true });
  onCleanup(() => observer.end());

  const blockedAmong = async (pids: readonly number[]): Promise<Set<number>> => {
    if (pids.length === 0) return new Set();
    const { rows } = await observer.query<{ pid: number }>(BLOCKED, [pids]);
    return new Set(rows.map(({ pid }) => pid));
  };

  let changed = () => {};
  const change = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      changed = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  function start(racer: Racer): Runner {
    const runner: Runner = {
      name: racer.name,
      state: 'busy',
      pid: 0,
      permit: () => {},
      waitsFor: '',
      finish: null,
    };
    const become = (state: Runner['state']) => {
      runner.state = state;
      changed();
    };
    const permission = (what: string) =>
      new Promise<void>((resolve) => {
        runner.waitsFor = what;
        runner.permit = resolve;
        become('ready');
      });
    const observe = async ({ text, pid, send }: Statement) => {
      // Nothing that others do makes a difference to these: they would only multiply the interleavings.
      if (!/^(BEGIN|ROLLBACK)/.test(text)) await permission(summary(text));
      runner.pid = pid;
      become('sent');
      return await send().finally(() => become('busy'));
    };
    const work = async () => {
      if (racer.waitsToBegin) await permission('begins');
      return await racer.run(observe);
    };
    void work()
      .then((result): Finish => ({ result }))
      .catch((error: unknown): Finish => ({ error }))
      .then((finish) => {
        runner.finish = finish;
        become('done');
      });
    return runner;
  }

  const isHeldUp = async (runners: readonly Runner[]): Promise<boolean> => {
    const blocked = await blockedAmong(runners.map(({ pid }) => pid));
    return runners.every(({ state, pid }) => state === 'sent' && blocked.has(pid));
  };

  /** Waits until every runner is at the next statement, at the end, or behind another's lock. */
  async function rest(runners: readonly Runner[]): Promise<void> {
    const giveUpAt = performance.now() + REST_MS;
    for (;;) {
      // Most statements are answered before the waits could be queried.
      if (!runners.every(isAtRest)) await change(ASK_AFTER_MS);
      if (runners.every(isAtRest)) return;
      const sent = runners.filter(({ state }) => state === 'sent');
      const isThinking = runners.some(({ state }) => state === 'busy');
      if (!isThinking && (await isHeldUp(sent)) && !runners.some(({ state }) => state === 'busy')) return;
      if (performance.now() > giveUpAt) throw new Error(`no runner can go on: ${JSON.stringify(runners)}`);
    }
  }

  /** Plays one interleaving: `choose` says, step by step, whom of the ready ones to let go on. */
  async function play(racers: readonly Racer[], choose: (step: number, ready: number) => number): Promise<Played> {
    const runners = racers.map(start);
    const steps: string[] = [];
    const choices: { taken: number; of: number }[] = [];
    for (;;) {
      await rest(runners);
      const ready = runners.filter(({ state }) => state === 'ready');
      if (ready.length === 0) break;
      const taken = choose(steps.length, ready.length);
      const runner = ready[taken];
      if (runner === undefined) throw new Error('an interleaving was not the same the second time');
      choices.push({ taken, of: ready.length });
      steps.push(`${runner.name}: ${runner.waitsFor}`);
      runner.state = 'busy';
      runner.permit();
    }
    const stuck = runners.filter(({ finish }) => finish === null);
    if (stuck.length > 0) throw new Error(`every runner waits for another: ${stuck.map(({ name }) => name)}`);
    return {
      steps,
      choices,
      finishes: Object.fromEntries(runners.map(({ name, finish }) => [name, finish as Finish])),
    };
  }

  return { play };
}

function isAtRest({ state }: Runner): boolean {
  return state === 'ready' || state === 'done';
}

interface Tree {
  readonly scheduler: ReturnType<typeof createScheduler>;
  /** Sets everything up afresh, and says who races. */
  readonly prepare: () => Promise<readonly Racer[]>;
  readonly judge: (played: Played) => Promise<void>;
}

async function playOne({ scheduler, prepare, judge }: Tree, choose: (step: number, ready: number) => number) {
  const played = await scheduler.play(await prepare(), choose);
  await judge(played).catch((error: unknown) => {
    throw new Error(`in this interleaving:\n  ${played.steps.join('\n  ')}\n${String(error)}`, { cause: error });
  });
  return played.choices;
}

/** Plays every interleaving there is, and says how many that were. */
export async function playAll(tree: Tree): Promise<number> {
  let path: readonly number[] | null = [];
  let count = 0;
  for (; path !== null; count += 1) {
    const chosen: readonly number[] = path;
    path = nextPath(await playOne(tree, (step) => chosen[step] ?? 0));
  }
  return count;
}

/** Plays some interleavings, drawn at random. */
export async function playSome(tree: Tree, count: number, random: Random): Promise<number> {
  for (let one = 0; one < count; one += 1) {
    await playOne(tree, (_step, ready) => random.int(0, ready - 1));
  }
  return count;
}

/** The next path through the tree of choices, depth first; null after the last one. */
function nextPath(choices: Played['choices']): number[] | null {
  for (let depth = choices.length - 1; depth >= 0; depth -= 1) {
    const choice = choices[depth];
    if (choice !== undefined && choice.taken + 1 < choice.of) {
      return [...choices.slice(0, depth).map(({ taken }) => taken), choice.taken + 1];
    }
  }
  return null;
}
