import { setTimeout as sleep } from 'node:timers/promises';
import { type Fault, type Outcome, type Scene, sinceMs } from '../scene.ts';
import { holdLock } from './lock-fault.ts';
import { ask, withTrap } from './traps.ts';

async function poison(scene: Scene): Promise<Outcome> {
  const { stage, random, targeted, poisoned } = scene;
  const [row] = await ask<{ id: string; order: string }>(
    stage.admin,
    `SELECT id, order_id AS order FROM disputes WHERE status = 'open' AND respond_by > clock_timestamp() ORDER BY respond_by LIMIT 1`,
  );
  if (row === undefined) return 'missed';
  poisoned.push(row.id, row.order);
  const begun = performance.now();
  const alarmed = `SELECT 1 FROM deadline_failures WHERE dispute_id = $1`;
  const noticed = await withTrap(stage.admin, ['write', row.id, 0], async () => {
    const until = performance.now() + random.int(2_000, 6_000);
    let noticedMs: number | undefined;
    while (performance.now() < until) {
      const rows = noticedMs === undefined ? await ask(stage.admin, alarmed, [row.id]) : [];
      if (rows.length > 0) noticedMs = sinceMs(begun);
      await sleep(50);
    }
    return noticedMs;
  });
  // It is tried again with a growing distance, which is what keeps it out of the others' way.
  targeted.push({ id: row.id, until: Date.now() + 9_000 });
  return noticed;
}

const SETTLED_MS = 20_000;
// Looking costs PostgreSQL what the herd needs: when it was over, the log says.
const LOOK_MS = 500;

async function herd(scene: Scene): Promise<Outcome> {
  const { stage } = scene;
  const ids = await scene.herd();
  await sleep(4_000);
  const begun = performance.now();
  const open = `SELECT 1 FROM disputes WHERE status = 'open' AND id = ANY ($1::uuid[]) LIMIT 1`;
  while ((await ask(stage.admin, open, [ids])).length > 0) {
    if (sinceMs(begun) > SETTLED_MS) return undefined;
    await sleep(LOOK_MS);
  }
  const [settled] = await ask<{ ms: number }>(
    stage.admin,
    `SELECT (extract(epoch from max(resolved_at - respond_by)) * 1000)::float8 AS ms
     FROM disputes WHERE id = ANY ($1::uuid[]) AND resolution = 'expired'`,
    [ids],
  );
  return settled?.ms;
}

/** What happens to single disputes and orders, and to many at once. */
export const ROW_FAULTS: readonly Fault[] = [
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
