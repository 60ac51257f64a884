// The promise of docs/webhooks.md on slots, told from what an observer sees: which attempts are under way, since when, and
// whether their deliveries had failed before.

const QUICK_MS = 1_000;
const ENDED_MS = 20_000;
const OF_A_KIND = 32;
const HEALTHY = { first: 16, retry: 4 };
const FAILING = { first: 1, retry: 1 };
/** How many failures in a row make an endpoint one that fails. */
const IN_A_ROW = 5;

export type Kind = keyof typeof HEALTHY;

/** An attempt that is under way; its kind is null where the observer cannot tell it. */
export interface Taken {
  readonly kind: Kind | null;
  readonly startedAt: number;
}

/** What the slots of one kind look like at one moment. */
export interface Slots {
  /** Whether one more attempt might have no slot. */
  readonly isFull: boolean;
  /** Whether there are more attempts than slots. */
  readonly isExceeded: boolean;
}

/** Counts the attempts of one kind that are under way. */
export function slotsOf(kind: Kind, taken: readonly Taken[], failures: number, now: number): Slots {
  const most = (failures >= IN_A_ROW ? FAILING : HEALTHY)[kind];
  const count = (kinds: readonly (Kind | null)[], youngerThanMs: number) =>
    taken.filter((one) => kinds.includes(one.kind) && now - one.startedAt < youngerThanMs).length;
  return {
    isFull: count([kind, null], QUICK_MS) >= most || count([kind, null], ENDED_MS) >= OF_A_KIND,
    isExceeded: count([kind], QUICK_MS) > most || count([kind], ENDED_MS) > OF_A_KIND,
  };
}
