import { type Call, ifFound, Refused } from './api.ts';

export interface TestClock {
  readonly id: string;
  readonly now: string;
}

/** What moving a clock on came to. */
export interface Advance {
  readonly id: string;
  readonly now: string;
  readonly status?: string | undefined;
  readonly transitions?: readonly { readonly at: string; readonly type: string }[] | undefined;
}

// A clock of this browser's own: several tabs with a clock each would soon reach the service's limit.
const KEPT = 'resolution-center-clock';
const WAIT_S = 20;
const ROUNDS = 30;

export interface Clocks {
  /** The clock that new orders get. Null where no more can be made: such an order has the time of day. */
  readonly current: () => Promise<TestClock | null>;
  readonly read: (id: string) => Promise<TestClock | null>;
  /** Moves a clock on, and waits until everything that became due has taken effect. */
  readonly advance: (id: string, by: string) => Promise<Advance>;
}

/** Makes what keeps the test clock of the page. */
export function createClocks(call: Call): Clocks {
  const place = (id: string) => `/v1/test-clocks/${encodeURIComponent(id)}`;
  const read: Clocks['read'] = (id) => ifFound(call<TestClock>('service', 'GET', place(id)));

  const make = async (): Promise<TestClock | null> => {
    try {
      return await call<TestClock>('service', 'POST', '/v1/test-clocks', { body: { name: 'Sandbox page' } });
    } catch (error) {
      if (error instanceof Refused && error.status !== 401 && error.status < 500) return null;
      throw error;
    }
  };

  return {
    read,
    current: async () => {
      const kept = localStorage.getItem(KEPT);
      const known = kept === null ? null : await read(kept);
      if (known !== null) return known;
      const clock = await make();
      if (clock !== null) localStorage.setItem(KEPT, clock.id);
      return clock;
    },
    advance: async (id, by) => {
      let advance = await call<Advance>('service', 'POST', `${place(id)}/advance?wait=${WAIT_S}`, { body: { by } });
      for (let round = 0; advance.status === 'advancing' && round < ROUNDS; round += 1) {
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        advance = await call<Advance>('service', 'GET', place(id));
      }
      return advance;
    },
  };
}
