import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Outcome, Scene } from '../scene.ts';
import { ask, isCaught, withTrap } from './traps.ts';

/** Ends the service's connections that a condition names, as a failover or an administrator would. */
async function terminate({ stage }: Scene, condition: string): Promise<Outcome> {
  const ended = await ask(
    stage.admin,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^(api|worker) ' AND ${condition}`,
  );
  return ended.length === 0 ? 'missed' : undefined;
}

async function crash({ stage, random, outages }: Scene): Promise<number> {
  const from = Date.now();
  await stage.postgres.crash(random.int(0, 1_000));
  outages.push({ from, until: Date.now() });
  return Date.now() - from;
}

export const POSTGRES_FAULTS: readonly Fault[] = [
  {
    kind: 'Postgres: all connections terminated',
    number: 'F10',
    mustHold: 'no effect by halves; acknowledged is kept; unknown is resolved by the key',
    run: (scene) => terminate(scene, 'true'),
  },
  {
    kind: 'Postgres: some connections terminated',
    number: 'F10',
    mustHold: 'the same',
    run: (scene) => terminate(scene, 'random() < 0.3'),
  },
  {
    kind: 'Postgres: connections terminated during COMMIT',
    number: 'F10',
    mustHold: 'the same where the outcome cannot be known',
    run: async (scene) => {
      const { name } = scene.random.pick(scene.stage.apis);
      return await withTrap(scene.stage.admin, ['commit', name, 250], async () => {
        if (!(await isCaught(scene.stage.admin, name, 2_000))) return 'missed';
        return await terminate(scene, `application_name = '${name}' AND wait_event = 'PgSleep'`);
      });
    },
  },
  {
    kind: 'Postgres: crash and restart',
    number: 'F10',
    mustHold: 'the same; all that is due fires after its return',
    figure: 'away for',
    run: crash,
  },
  {
    kind: 'Postgres: connections terminated before BEGIN',
    number: 'F11',
    mustHold: 'the pool recovers',
    run: async (scene) => {
      // Half of them each time: if all were ended all the time, there would be no database, which is another fault.
      for (let n = 0; n < 20; n += 1) {
        await terminate(scene, "state = 'idle' AND random() < 0.5");
        await sleep(50);
      }
    },
  },
];
