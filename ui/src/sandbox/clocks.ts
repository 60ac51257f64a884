import { delay } from '../service/http.ts';
import { type Call, ifFound, Refused } from './api.ts';

export interface TestClock {
  readonly id: string;
  readonly now: string;
}

/** What moving a clock on brought about. */
interface LastAdvance {
  readonly transitions: readonly { readonly at: string; readonly type: string; readonly orderId: string }[];
}

export interface AdvancedClock extends TestClock, LastAdvance {
  readonly status: 'ready' | 'advancing';
}

// One clock for all orders of a browser: a clock for each tab would soon reach the service's limit.
const KEPT = 'resolution-center-clock';
const WAIT_S = 5;
const ROUND_MS = 1_000;
const ROUNDS = 120;

const isFull = (error: unknown): boolean => error instanceof Refused && error.code === 'clock_limit_reached';

export interface Clocks {
  readonly read: (id: string) => Promise<TestClock | null>;
  /** Makes something on the clock of this browser; on a new one where that is full, in real time where none can be made. */
  readonly withClock: <T>(make: (clock: TestClock | null) => Promise<T>) => Promise<T>;
  /** Moves a clock on, and waits until everything that became due has taken effect. */
  readonly advance: (id: string, by: string) => Promise<AdvancedClock>;
}

/** Makes what keeps the test clock of the page. */
export function createClocks(call: Call): Clocks {
  const place = (id: string) => `/v1/test-clocks/${encodeURIComponent(id)}`;
  const read: Clocks['read'] = (id) => ifFound(call<TestClock>('service', 'GET', place(id)));

  const makeClock = async (): Promise<TestClock | null> => {
    try {
      const clock = await call<TestClock>('service', 'POST', '/v1/test-clocks', { body: { name: 'Sandbox page' } });
      localStorage.setItem(KEPT, clock.id);
      return clock;
    } catch (error) {
      if (isFull(error)) return null;
      throw error;
    }
  };

  return {
    read,
    withClock: async (make) => {
      const kept = localStorage.getItem(KEPT);
      const known = kept === null ? null : await read(kept);
      try {
        return await make(known ?? (await makeClock()));
      } catch (error) {
        if (!isFull(error)) throw error;
        return await make(await makeClock());
      }
    },
    advance: async (id, by) => {
      const path = `${place(id)}/advance?wait=${WAIT_S}`;
      let clock = await call<AdvancedClock>('service', 'POST', path, { body: { by } });
      for (let round = 0; clock.status === 'advancing' && round < ROUNDS; round += 1) {
        await delay(ROUND_MS);
        const found = await call<AdvancedClock & { readonly lastAdvance: LastAdvance | null }>(
          'service',
          'GET',
          place(id),
        );
        clock = { ...found, transitions: found.lastAdvance?.transitions ?? [] };
      }
      return clock;
    },
  };
}
