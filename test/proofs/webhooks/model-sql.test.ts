import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { createDatabase } from '../../harness/database.ts';
import { crowd, type Op, runHistory, shortHistories } from './model/histories.ts';
import { rowsOf, SqlWorld } from './model/sql-world.ts';
import type { Action } from './model/world.ts';

const HISTORIES = Number(process.env['WEBHOOK_HISTORIES'] ?? 12);

let newWorld: () => Promise<SqlWorld>;
beforeAll(async () => {
  newWorld = await SqlWorld.open(await createDatabase());
});

/** Does a history in memory and in PostgreSQL, and compares the rows after every step. */
async function compare(history: readonly Op[]): Promise<void> {
  const steps: { action: Action; now: number; rows: ReturnType<typeof rowsOf> }[] = [];
  runHistory(history, (action, world) => steps.push({ action, now: world.now, rows: rowsOf(world) }));
  const sql = await newWorld();
  for (const { action, now, rows } of steps) {
    await sql.follow(action, now);
    expect({ action, ...(await sql.rows()) }).toEqual({ action, ...rows });
  }
}

test('PostgreSQL holds after every step of a history what the functions of the domain say', async () => {
  await fc.assert(fc.asyncProperty(shortHistories, compare), { numRuns: HISTORIES });
});

test('also while twenty orders hang and one is refused', async () => {
  // Half a second each: the attempts that hang time out after fifteen seconds, and are made again five seconds later.
  await compare(crowd(20, { chance: 0.25, ticks: 33, at: [3] }));
});
