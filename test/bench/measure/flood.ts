import { setTimeout as sleep } from 'node:timers/promises';
import { mintToken } from '../../../src/dev/development.ts';
import { SECRET } from '../../harness/stage/instances.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { type Call, callFor, quantile } from '../calls.ts';
import type { BenchOptions } from '../options.ts';
import type { Row } from '../row.ts';
import { CLIENT, rowsNamed, seedOpen, seedOrders, settleDown } from '../seed.ts';
import type { BenchStage } from '../stage.ts';
import { openCall } from './commands.ts';

const MINUTE_S = 60;
/** A fifth of them opens, the others read: far from what the api can do, so that what makes it wait is the herd. */
const CALLS_PER_SECOND = 50;
const CHUNK = 250_000;
const LONGEST_MS = 3_600_000;

/** So many deadlines in one minute, with an api under load beside them. */
export async function measureFlood(stage: BenchStage, { flood }: BenchOptions): Promise<Row[]> {
  const database = await stage.newDatabase();
  const { admin } = database;
  const token = await mintToken(SECRET, { sub: CLIENT });
  await seedOrders(admin, rowsNamed('flood-api-', 100_000));
  // Long enough to put them there and to make their jobs.
  const leadMs = 90_000 + flood / 3;
  const from = Date.now() + leadMs;
  for (let n = 0; n < flood; n += CHUNK) {
    const count = Math.min(CHUNK, flood - n);
    const due = `to_timestamp((${from} + ((${n} + s.n) * ${MINUTE_S * 1_000}::float8 / ${flood}))::float8 / 1000)`;
    await seedOpen(admin, rowsNamed(`flood-${n}-`, count), due);
  }
  await settleDown(admin);
  const api = await stage.start(database, 'api');
  let calls = 0;
  const opened: string[] = [];
  const next = (): Call => {
    calls += 1;
    if (calls % 5 !== 0 && opened.length > 0) {
      return { method: 'GET', path: `/v1/orders/${opened[calls % opened.length]}`, token };
    }
    const orderId = `flood-api-${calls}`;
    opened.push(orderId);
    return openCall(token, orderId);
  };
  const call = (seconds: number) =>
    callFor(api.instance.url, next, {
      connections: 16,
      warmUpMs: 3_000,
      forMs: seconds * 1_000,
      perSecond: CALLS_PER_SECOND,
    });
  const idle = await call(20);
  const worker = await stage.start(database, 'worker');
  if (Date.now() > from) throw new Error(`not ready in ${leadMs} ms`);
  await sleep(from - Date.now());
  const last = from + MINUTE_S * 1_000;
  const isDone = async () => {
    const { rows } = await admin.query(
      `SELECT 1 FROM disputes WHERE status = 'open' AND order_id NOT LIKE 'flood-api-%' LIMIT 1`,
    );
    return rows.length === 0;
  };
  const [busy, doneAt] = await Promise.all([
    call(MINUTE_S),
    (async () => {
      await sleep(last - Date.now());
      await waitFor('all took effect', isDone, LONGEST_MS);
      return Date.now();
    })(),
  ]);
  await worker.stop();
  await api.stop();
  await database.drop();
  const what = `${flood.toLocaleString('en')} due in one minute, an api under load beside them`;
  return [
    {
      name: 'flood-done',
      what: `${what}: all done, after the last was due`,
      against: 'a minute',
      reach: { atMost: 1 },
      unit: 's',
      ours: [Math.max(0, (doneAt - last) / 1_000)],
      theirs: [MINUTE_S],
    },
    {
      name: 'flood-api',
      what: `${what}: p99 of the api`,
      against: 'the same load, with nothing due',
      reach: { atMost: 3 },
      unit: 'ms',
      ours: [quantile(busy.tookMs, 0.99)],
      theirs: [quantile(idle.tookMs, 0.99)],
    },
  ];
}
