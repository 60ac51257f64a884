import { beforeAll, beforeEach, expect, test } from 'vitest';
import { withTx } from '../../src/platform/postgres/database.ts';
import { summarize } from '../../src/statistics/counts.ts';
import { freeze, readCells, readStanding, rollUpEntries } from '../../src/statistics/store.ts';
import { sequenceEntries } from '../../src/store/feed.ts';
import { FREELANCER, seedDispute } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';

const DAY = 86_400_000;
/** A transaction that stays open while others write, however busy the machine is. */
const PATIENT = { frozenAfterMs: 60_000, statementMs: 60_000 };

let service: Service;

beforeAll(async () => {
  service = await startService({ env: { REMINDERS: 'none' } });
});

beforeEach(async () => {
  await service.database.query('TRUNCATE orders, disputes, log_entries, timers, dispute_statistics CASCADE');
  // Positions begin anew in a log that is empty.
  await service.database.query('UPDATE statistics_position SET seq = 0');
});

const db = () => service.deps.write.db;
const number = () => withTx(db(), (tx) => sequenceEntries(tx, 1_000));
const fold = (limit: number) => withTx(db(), (tx) => rollUpEntries(tx, limit));

const totalOf = async (...which: Parameters<typeof readCells>) =>
  (await summarize(await readCells(...which), 'type', async () => {})).total;

/** How many disputes there are by the statistics, ended and open ones, and how far behind they are. */
async function look() {
  const span = { from: Date.now() - 2 * DAY, to: Math.ceil(Date.now() / DAY) * DAY };
  return await withTx(db(), async (tx) => {
    await freeze(tx);
    const standing = await readStanding(tx, 100);
    const { opened, open, declined, responses } = await totalOf(tx, span, standing);
    return { opened, open, declined, responses, behind: standing.behind };
  });
}

const open = () => seedDispute(service, 'cancellation');
const decline = async (id: string) => {
  expect((await service.as(FREELANCER).post(`/v1/disputes/${id}/decline`)).status).toBe(200);
};

test('what is not folded is counted all the same, whether or not it has a number', async () => {
  const { id } = await open();
  // Four entries come of it: the opening, its end, and the order's status after each.
  expect(await look()).toEqual({ opened: 1, open: 1, declined: 0, responses: 0, behind: 2 });
  await number();
  expect(await look()).toEqual({ opened: 1, open: 1, declined: 0, responses: 0, behind: 2 });
  expect(await fold(1)).toBe(1);
  expect(await look()).toEqual({ opened: 1, open: 1, declined: 0, responses: 0, behind: 1 });
  await decline(id);
  expect(await look()).toEqual({ opened: 1, open: 0, declined: 1, responses: 1, behind: 3 });
  await number();
  expect(await look()).toEqual({ opened: 1, open: 0, declined: 1, responses: 1, behind: 3 });
  expect(await fold(100)).toBe(3);
  expect(await look()).toEqual({ opened: 1, open: 0, declined: 1, responses: 1, behind: 0 });
  expect(await fold(100)).toBe(0);
});

test('all counts are of one snapshot: what is committed meanwhile is not seen by half', async () => {
  const { id } = await open();
  const span = { from: Date.now() - 2 * DAY, to: Math.ceil(Date.now() / DAY) * DAY };
  const total = await withTx(
    db(),
    async (tx) => {
      await freeze(tx);
      const standing = await readStanding(tx, 100);
      await decline(id);
      await open();
      await number();
      await fold(100);
      return await totalOf(tx, span, standing);
    },
    PATIENT,
  );
  expect(total).toMatchObject({ opened: 1, open: 1, declined: 0 });
  expect(await look()).toMatchObject({ opened: 2, open: 1, declined: 1 });
});
