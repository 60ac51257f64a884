import { mintToken } from '../../../src/dev/development.ts';
import { SECRET } from '../../harness/stage/instances.ts';
import { callFor, quantile } from '../calls.ts';
import type { BenchOptions } from '../options.ts';
import type { Row } from '../row.ts';
import { CLIENT, rowsNamed, seedOrders, settleDown } from '../seed.ts';
import type { BenchStage } from '../stage.ts';
import { openCall } from './commands.ts';

const CONNECTIONS = 32;
const PART = 0.8;
const LIMIT_MS = 20;
const MOST_PER_SECOND = 3_000;

/** The event loop's delay since it was last asked for, in milliseconds. */
async function delayOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_p99_seconds\S* (\S+)/m.exec(text)?.[1]) * 1_000;
}

/** How long an api's event loop is held up while disputes are opened at four fifths of what it can do. */
export async function measureLoopDelay(stage: BenchStage, { rounds, seconds }: BenchOptions): Promise<Row[]> {
  const database = await stage.newDatabase();
  const token = await mintToken(SECRET, { sub: CLIENT });
  await seedOrders(database.admin, rowsNamed('loop-', MOST_PER_SECOND * (seconds + 3) * (rounds + 1)));
  await settleDown(database.admin);
  const { instance, stop } = await stage.start(database, 'api');
  let opened = 0;
  const next = () => {
    opened += 1;
    return openCall(token, `loop-${opened}`);
  };
  const options = { connections: CONNECTIONS, warmUpMs: 2_000, forMs: seconds * 1_000 };
  const peak = (await callFor(instance.url, next, options)).perSecond;
  const delays: number[] = [];
  const p99s: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    let delay: Promise<number> = Promise.resolve(Number.NaN);
    const onCounting = () => {
      delay = delayOf(instance.url);
    };
    const called = await callFor(instance.url, next, { ...options, perSecond: peak * PART, onCounting });
    delays.push(await delay);
    p99s.push(quantile(called.tookMs, 0.99));
  }
  await stop();
  await database.drop();
  return [
    {
      name: 'loop-delay',
      what: `event-loop delay p99 of the api, opening at ${PART * 100} % of its peak`,
      against: `${LIMIT_MS} ms`,
      reach: { atMost: 1 },
      unit: 'ms',
      ours: delays,
      theirs: delays.map(() => LIMIT_MS),
      more: { 'peak, per second': Math.round(peak), 'p99 of an answer then, ms': Math.round(p99s[0] ?? 0) },
    },
  ];
}
