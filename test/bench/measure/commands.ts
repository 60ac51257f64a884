import { join } from 'node:path';
import { mintToken } from '../../../src/dev/development.ts';
import { SECRET } from '../../harness/stage/instances.ts';
import { type Call, callFor } from '../calls.ts';
import type { BenchOptions } from '../options.ts';
import { RECORDED_DISPUTE, RECORDED_ORDER, runPgbench, writeScript } from '../pgbench.ts';
import { statementsOf } from '../record.ts';
import { alternate, type Row } from '../row.ts';
import {
  CLIENT,
  FREELANCER,
  RECORDED_ROW,
  rowsNamed,
  rowsOfPgbench,
  seedOpen,
  seedOrders,
  seedResolved,
  settleDown,
} from '../seed.ts';
import type { BenchStage } from '../stage.ts';

const CONNECTIONS = 32;
/** More than either does in a second. */
const MOST_PER_SECOND = 3_000;
const WARM_UP_MS = 2_000;
const OLD_OPEN = 5_000;
const OLD_RESOLVED = 20_000;
const FAR = `date_trunc('milliseconds', clock_timestamp()) + interval '2 days'`;

/** The call that opens a dispute on an order. */
export const openCall = (token: string, orderId: string): Call => ({
  method: 'POST',
  path: `/v1/orders/${orderId}/disputes`,
  token,
  body: { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' },
  key: orderId,
});

/** The call that accepts one. */
export const acceptCall = (token: string, disputeId: string): Call => ({
  method: 'POST',
  path: `/v1/disputes/${disputeId}/accept`,
  token,
  body: {},
  key: disputeId,
});

/** Opens or accepts disputes over HTTP, beside pgbench with the statements of the same transaction. */
async function measureCommand(stage: BenchStage, { rounds, seconds }: BenchOptions, what: 'open' | 'accept') {
  const database = await stage.newDatabase();
  const { admin, url } = database;
  const each = Math.ceil((MOST_PER_SECOND * (seconds + WARM_UP_MS / 1_000)) / CONNECTIONS);
  const seed = what === 'open' ? seedOrders : (to: typeof admin, rows: typeof RECORDED_ROW) => seedOpen(to, rows, FAR);
  // As in a database that has been in use.
  await seedOpen(admin, rowsNamed('old-open-', OLD_OPEN, 'many'), FAR);
  await seedResolved(admin, rowsNamed('old-resolved-', OLD_RESOLVED, 'many'));
  await seed(admin, RECORDED_ROW);
  await seed(admin, rowsNamed('bench-api-', (rounds + 1) * each * CONNECTIONS));
  for (let round = 1; round <= rounds; round += 1) await seed(admin, rowsOfPgbench(round, CONNECTIONS, each));
  const token = await mintToken(SECRET, { sub: what === 'open' ? CLIENT : FREELANCER });
  const recorded = what === 'open' ? openCall(token, RECORDED_ORDER) : acceptCall(token, RECORDED_DISPUTE);
  const file = join(stage.home, `${what}.pgbench`);
  await writeScript(file, await statementsOf({ databaseUrl: url, redisUrl: stage.redisUrl }, recorded));
  const { rows } = await admin.query<{ id: string }>(
    what === 'open'
      ? `SELECT id FROM orders WHERE id LIKE 'bench-api-%' ORDER BY id`
      : `SELECT id FROM disputes WHERE order_id LIKE 'bench-api-%' ORDER BY id`,
  );
  const { instance, stop } = await stage.start(database, 'api');
  let used = 0;
  const nextCall = () => {
    const id = rows[used]?.id;
    used += 1;
    if (id === undefined) throw new Error('there were not enough rows');
    return what === 'open' ? openCall(token, id) : acceptCall(token, id);
  };
  const ours = async () => {
    await settleDown(admin);
    const options = { connections: CONNECTIONS, warmUpMs: WARM_UP_MS, forMs: seconds * 1_000 };
    return (await callFor(instance.url, nextCall, options)).perSecond;
  };
  const theirs = async (round: number) => {
    await settleDown(admin);
    return await runPgbench({ url, file, clients: CONNECTIONS, seconds, round });
  };
  const measured = await alternate(rounds, ours, theirs);
  await stop();
  await database.drop();
  return measured;
}

/** Opening or accepting a dispute, as a row of the table. */
async function rowOf(stage: BenchStage, options: BenchOptions, name: string, what: 'open' | 'accept'): Promise<Row[]> {
  return [
    {
      name,
      what: `${name} a dispute over HTTP, ${CONNECTIONS} connections`,
      against: `pgbench, the same statements, ${CONNECTIONS} clients`,
      reach: { atLeast: 0.5 },
      unit: 'per second',
      ...(await measureCommand(stage, options, what)),
    },
  ];
}

/** Opening a dispute over HTTP. */
export const measureOpen = (stage: BenchStage, options: BenchOptions): Promise<Row[]> =>
  rowOf(stage, options, 'open', 'open');

/** Answering one. */
export const measureAnswer = (stage: BenchStage, options: BenchOptions): Promise<Row[]> =>
  rowOf(stage, options, 'answer', 'accept');
