import { setTimeout as sleep } from 'node:timers/promises';
import { end, type Instance } from '../../../harness/stage/instances.ts';
import { type Fault, type Outcome, type Scene, sinceMs } from '../scene.ts';
import { isCaught, type Place, withTrap } from './traps.ts';

async function killAndRestart({ stage, random }: Scene, instance: Instance): Promise<void> {
  await end(instance, 'SIGKILL');
  await sleep(random.int(100, 1_500));
  await stage.start(instance);
}

/** Waits until a process is at a place in the middle of a transaction, and does something to it there. */
async function strikeAt(scene: Scene, instance: Instance, place: Place, strike: () => Promise<void>): Promise<Outcome> {
  const { admin } = scene.stage;
  const trap = [place, instance.name, 250] as const;
  // The trap is taken away first: it is meant for one transaction, and not for those after it.
  if (!(await withTrap(admin, trap, () => isCaught(admin, instance.name, 2_000)))) return 'missed';
  return await strike();
}

async function freeze(instance: Instance, forMs: number): Promise<void> {
  const { child } = instance;
  const begun = performance.now();
  child.kill('SIGSTOP');
  await sleep(forMs);
  child.kill('SIGCONT');
  instance.frozenMs += sinceMs(begun);
}

/** Mostly briefly, and otherwise for longer than any lock may be held. */
const freezeMs = ({ random }: Scene): number =>
  random.chance(0.7) ? random.int(500, 4_000) : random.int(4_000, 15_000);

async function stopWith({ stage, exits }: Scene, instance: Instance, redis: 'up' | 'frozen'): Promise<number> {
  if (redis === 'frozen') instance.redis.freeze();
  if (redis === 'frozen') await sleep(200);
  const exit = await end(instance, 'SIGTERM');
  if (redis === 'frozen') instance.redis.cut();
  instance.redis.restore();
  exits.push({ ...exit, redis });
  await stage.start(instance);
  return exit.ms;
}

async function runSkewed(scene: Scene): Promise<void> {
  const { stage, random } = scene;
  const worker = random.pick(stage.workers);
  await end(worker, 'SIGKILL');
  worker.skew = random.pick(['+3600s', '-3600s']);
  await stage.start(worker);
  await sleep(random.int(2_000, 4_000));
  await end(worker, 'SIGKILL');
  worker.skew = '';
  await stage.start(worker);
}

export const WORKER_FAULTS: readonly Fault[] = [
  {
    kind: 'worker: SIGKILL',
    number: 'F6',
    mustHold: 'one effect for each deadline, by the other worker or the sweeper',
    run: (scene) => killAndRestart(scene, scene.random.pick(scene.stage.workers)),
  },
  {
    kind: 'worker: SIGKILL in a transaction',
    number: 'F6',
    mustHold: 'no effect by halves; the deadlines in it fire elsewhere',
    run: (scene) => {
      const worker = scene.random.pick(scene.stage.workers);
      return strikeAt(scene, worker, 'write', () => killAndRestart(scene, worker));
    },
  },
  {
    kind: 'worker: SIGSTOP',
    number: 'F7',
    mustHold: 'one effect, also when it wakes up with old jobs in its hands',
    run: (scene) => freeze(scene.random.pick(scene.stage.workers), freezeMs(scene)),
  },
  {
    kind: 'worker: SIGSTOP in a transaction',
    number: 'F7',
    mustHold: 'locks in frozen hands are freed: a batch of deadlines after 0.5 s, an order after 2 s',
    run: (scene) => {
      const worker = scene.random.pick(scene.stage.workers);
      return strikeAt(scene, worker, 'write', () => freeze(worker, scene.random.int(3_000, 8_000)));
    },
  },
  {
    kind: "worker: host's clock off by an hour",
    number: 'F12',
    mustHold: 'nothing early; the sweeper fires what its jobs are late for',
    needs: 'libfaketime',
    run: runSkewed,
  },
  {
    kind: 'worker: SIGTERM',
    number: 'F20',
    mustHold: 'exit within 10 s, nothing late',
    figure: 'exit after',
    run: (scene) => stopWith(scene, scene.random.pick(scene.stage.workers), 'up'),
  },
  {
    kind: 'worker: SIGTERM while Redis is frozen',
    number: 'F20',
    mustHold: 'the same',
    figure: 'exit after',
    run: (scene) => stopWith(scene, scene.random.pick(scene.stage.workers), 'frozen'),
  },
];

export const API_FAULTS: readonly Fault[] = [
  {
    kind: 'api: SIGSTOP in a transaction',
    number: 'F7',
    mustHold: 'the same; clients are answered by the other api',
    run: (scene) => {
      const api = scene.random.pick(scene.stage.apis);
      return strikeAt(scene, api, 'write', () => freeze(api, scene.random.int(3_000, 6_000)));
    },
  },
  {
    kind: 'api: SIGKILL',
    number: 'F9',
    mustHold: 'what was answered is kept',
    run: (scene) => killAndRestart(scene, scene.random.pick(scene.stage.apis)),
  },
  {
    kind: 'api: SIGKILL between COMMIT and answer',
    number: 'F9',
    mustHold: 'a retry with the key finds what was done',
    run: (scene) => {
      const api = scene.random.pick(scene.stage.apis);
      return strikeAt(scene, api, 'commit', () => killAndRestart(scene, api));
    },
  },
  {
    kind: 'api: SIGTERM',
    number: 'F20',
    mustHold: 'exit within 10 s; requests under way are answered',
    figure: 'exit after',
    run: (scene) => stopWith(scene, scene.random.pick(scene.stage.apis), 'up'),
  },
];
