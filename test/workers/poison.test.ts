import { expect, test } from 'vitest';
import { newSweep, sweepOnce } from '../../src/workers/sweeper.ts';
import { letTimePass } from '../harness/database.ts';
import { seedDispute } from '../harness/seed.ts';
import { startService } from '../harness/service.ts';
import { observedDatabase } from '../proofs/races/observed-database.ts';

const DAY_MS = 86_400_000;
const DISPUTES = 32;
/** A transaction is tried three times in a row: this ends the round. */
const TRIES = 3;
/** Between two outages: fewer than it takes to find one row among so many. */
const TRANSACTIONS = 3;

test('a row that cannot be written is found, and the others settled, also where connections break again and again', async () => {
  const service = await startService({ env: { REMINDERS: 'none' } });
  const disputes = [];
  for (let n = 0; n < DISPUTES; n += 1) disputes.push(await seedDispute(service, 'cancellation'));
  for (const { id } of disputes) await letTimePass(service.database, id, 3 * DAY_MS);
  await service.database.query(
    `CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$`,
  );
  await service.database.query(
    `CREATE TRIGGER poison BEFORE UPDATE ON disputes FOR EACH ROW WHEN (NEW.id = '${disputes[20]?.id}') EXECUTE FUNCTION poison()`,
  );
  let begun = 0;
  const db = observedDatabase(service.database.url, async ({ text, send }) => {
    if (text.startsWith('BEGIN')) begun += 1;
    const isOut = begun % (TRANSACTIONS + TRIES) >= TRANSACTIONS;
    if (text.startsWith('BEGIN') && isOut) throw new Error('Connection terminated unexpectedly');
    return await send();
  });
  const { system } = service.deps.app;
  const deps = { write: { ...service.deps.write, db }, metrics: system.metrics, log: service.log.log };
  const sweep = newSweep();
  const open = async () => {
    const rows = await service.database.query<{ id: string }>(`SELECT id FROM disputes WHERE status = 'open'`);
    return rows.map(({ id }) => id);
  };
  const noted = () => service.database.query('SELECT dispute_id FROM deadline_failures');
  // The others may be settled in a round that an outage ends before the row is noted.
  const isFound = async () => (await open()).length === 1 && (await noted()).length > 0;
  for (let round = 0; round < DISPUTES && !(await isFound()); round += 1) {
    await sweepOnce(deps, sweep).catch(() => {});
  }
  expect(await open()).toEqual([disputes[20]?.id]);
  expect(await noted()).toEqual([{ dispute_id: disputes[20]?.id }]);
});
