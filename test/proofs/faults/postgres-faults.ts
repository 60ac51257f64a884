import { setTimeout as sleep } from 'node:timers/promises';
import { holdLock } from './lock-fault.ts';
import type { Fault, Scene } from './scene.ts';
import { sinceMs } from './scene.ts';
import { ask, isCaught, withTrap } from './traps.ts';

/** Ends the service's connections that a condition names, as a failover or an administrator would. */
async function terminate({ stage }: Scene, condition: string): Promise<null> {
  await ask(
    stage.admin,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^(api|worker) ' AND ${condition}`,
  );
  return null;
}

async function poison(scene: Scene): Promise<number | null> {
  const { stage, random, targeted, poisoned } = scene;
  const [row] = await ask<{ id: string; order: string }>(
    stage.admin,
    `SELECT id, order_id AS order FROM disputes WHERE status = 'open' AND respond_by > clock_timestamp() ORDER BY respond_by LIMIT 1`,
  );
  if (row === undefined) return null;
  poisoned.push(row.id, row.order);
  const begun = performance.now();
  const alarmed = `SELECT 1 FROM deadline_failures WHERE dispute_id = $1`;
  const noticed = await withTrap(stage.admin, ['write', row.id, 0], async () => {
    const until = performance.now() + random.int(2_000, 6_000);
    let noticedMs: number | null = null;
    while (performance.now() < until) {
      const rows = noticedMs === null ? await ask(stage.admin, alarmed, [row.id]) : [];
      if (rows.length > 0) noticedMs = sinceMs(begun);
      await sleep(50);
    }
    return noticedMs;
  });
  // It is tried again with a growing distance, which is what keeps it out of the others' way.
  targeted.push({ id: row.id, until: Date.now() + 9_000 });
  return noticed;
}

async function crash({ stage, random, outages }: Scene): Promise<number> {
  const from = Date.now();
  await stage.postgres.crash(random.int(0, 1_000));
  outages.push({ from, until: Date.now() });
  return Date.now() - from;
}

const SETTLED_MS = 20_000;
// Looking costs PostgreSQL what the herd needs: when it was over, the log says.
const LOOK_MS = 500;

async function herd(scene: Scene): Promise<number | null> {
  const { stage } = scene;
  const ids = await scene.herd();
  await sleep(4_000);
  const begun = performance.now();
  const open = `SELECT 1 FROM disputes WHERE status = 'open' AND id = ANY ($1::uuid[]) LIMIT 1`;
  while ((await ask(stage.admin, open, [ids])).length > 0) {
    if (sinceMs(begun) > SETTLED_MS) return null;
    await sleep(LOOK_MS);
  }
  const [settled] = await ask<{ ms: number }>(
    stage.admin,
    `SELECT (extract(epoch from max(resolved_at - respond_by)) * 1000)::float8 AS ms
     FROM disputes WHERE id = ANY ($1::uuid[]) AND resolution = 'expired'`,
    [ids],
  );
  return settled?.ms ?? null;
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
      await withTrap(scene.stage.admin, ['commit', name, 250], async () => {
        if (!(await isCaught(scene.stage.admin, name, 2_000))) return;
        await terminate(scene, `application_name = '${name}' AND wait_event = 'PgSleep'`);
      });
      return null;
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
      return null;
    },
  },
  {
    kind: 'a row that cannot be written',
    number: 'F14',
    mustHold: 'the others fire; this one is noticed, and fires when it can be written',
    figure: 'noticed after',
    inBackground: true,
    run: poison,
  },
  {
    kind: 'a herd: many due in the same instant',
    number: 'F19',
    mustHold: 'all fire within seconds',
    figure: 'all settled after their deadline within',
    inBackground: true,
    run: herd,
  },
  {
    kind: 'a lock held for 10 to 30 s',
    number: 'F22',
    mustHold: 'a bounded wait and 503 for this order, nothing for the others',
    figure: '503 after',
    inBackground: true,
    run: holdLock,
  },
];
