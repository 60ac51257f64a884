import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { createDatabase } from '../../harness/database.ts';
import { runHistory, shortHistories } from './model/histories.ts';
import { rowsOf, SqlWorld } from './model/sql-world.ts';
import type { Action } from './model/world.ts';

const HISTORIES = Number(process.env['WEBHOOK_HISTORIES'] ?? 12);

let newWorld: () => Promise<SqlWorld>;
beforeAll(async () => {
  newWorld = await SqlWorld.open(await createDatabase());
});

test('PostgreSQL holds after every step of a history what the functions of the domain say', async () => {
  await fc.assert(
    fc.asyncProperty(shortHistories, async (history) => {
      const steps: { action: Action; now: number; rows: ReturnType<typeof rowsOf> }[] = [];
      runHistory(history, (action, world) => steps.push({ action, now: world.now, rows: rowsOf(world) }));
      const sql = await newWorld();
      for (const { action, now, rows } of steps) {
        await sql.follow(action, now);
        expect({ action, ...(await sql.rows()) }).toEqual({ action, ...rows });
      }
    }),
    { numRuns: HISTORIES },
  );
}, 120_000);
