import { setTimeout as sleep } from 'node:timers/promises';
import { describeMachine } from '../../../harness/stage/machine.ts';
import { canMoveClocks } from '../../../harness/stage/programs.ts';
import { seedOrders, startLoad } from '../load/load.ts';
import { createRandom } from '../load/random.ts';
import { drain } from '../run.ts';
import { setUp } from '../stage.ts';
import { figuresOf, measureLateness } from '../verify/lateness.ts';
import { findBreaches } from '../verify/promises.ts';

const FARTHEST_S = 8;
/** Longer than the server's processes take to notice that the clock has been set. */
const BETWEEN_MS = 2_500;

/**
 * Sets PostgreSQL's clock back and forth under load, as a failover to a host with another clock would. Lateness means
 * nothing then, since the clock that it is measured by jumps; everything else must hold.
 */
export async function runClockSteps(
  seed: number,
  seconds: number,
  rate: number,
): Promise<{ text: string; breaches: string[] }> {
  if (!canMoveClocks) return { text: 'not staged: libfaketime is not installed', breaches: [] };
  const random = createRandom(seed);
  const stage = await setUp({ movableClock: true });
  try {
    const count = rate * (seconds + 90);
    await seedOrders(stage.admin, 'clock-', count);
    const { history, stop } = await startLoad(stage.apis, { seed, prefix: 'clock-', rate, count });
    const until = Date.now() + seconds * 1_000;
    let [steps, offset] = [0, 0];
    while (Date.now() < until) {
      await sleep(random.int(BETWEEN_MS, BETWEEN_MS * 2));
      const next = random.int(-FARTHEST_S, FARTHEST_S);
      if (next !== offset) steps += 1;
      offset = next;
      await stage.postgres.setClock(offset);
    }
    await stage.postgres.setClock(0);
    await stop();
    await drain(stage);
    // When a hold lasted, the clients say by the true clock: that cannot be compared here.
    const breaches = await findBreaches(stage.admin, { ...history, held: [] });
    const late = await measureLateness({ stage, outages: [], targeted: [] });
    const expired = figuresOf(late.map(({ ms }) => ms)).count;
    const text = [
      describeMachine(),
      `PostgreSQL's clock set ${steps} times, up to ${FARTHEST_S} s off, in ${seconds} s; ${rate} disputes a second, seed ${seed}`,
      `disputes ${history.opened.size}, of which expired ${expired}`,
      `answers: ${[...history.answers].map(([kind, n]) => `${kind}: ${n}`).join(', ')}`,
    ].join('\n');
    return { text, breaches: breaches.map(({ name, ids }) => `not so: ${name}: ${ids.join(', ')}`) };
  } finally {
    await stage.close();
  }
}
