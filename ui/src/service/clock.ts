/**
 * The service's clock, as far as a page can know it. The visitor's clock may be an hour wrong or change meanwhile, so time is
 * counted by the monotonic clock from the last `serverTime`.
 */
export interface ServerClock {
  /** Takes the time of an answer. @param sentAt, receivedAt: of the monotonic clock, in milliseconds */
  readonly sync: (serverTime: string, sentAt: number, receivedAt: number, isFrozen?: boolean) => void;
  /** The service's time in milliseconds since the epoch; NaN before the first answer. */
  readonly now: () => number;
}

/**
 * Makes a clock that nothing has set yet.
 * @param monotonic milliseconds that only count up
 */
export function createServerClock(monotonic: () => number = () => performance.now()): ServerClock {
  let serverMs = Number.NaN;
  let atMs = 0;
  let uncertaintyMs = Number.POSITIVE_INFINITY;
  let frozen = false;
  return {
    sync: (serverTime, sentAt, receivedAt, isFrozen = false) => {
      const known = Date.parse(serverTime);
      if (Number.isNaN(known)) return;
      const estimate = isFrozen ? known : known + (receivedAt - sentAt) / 2;
      const roundTrip = receivedAt - sentAt;
      const current = frozen ? serverMs : serverMs + (receivedAt - atMs);
      // A slower answer that agrees with a quicker one says nothing new, and the countdown would jump.
      const agrees = !isFrozen && !frozen && Math.abs(estimate - current) <= roundTrip / 2 + uncertaintyMs;
      if (agrees && roundTrip >= uncertaintyMs) return;
      serverMs = estimate;
      atMs = receivedAt;
      uncertaintyMs = roundTrip;
      frozen = isFrozen;
    },
    now: () => (frozen ? serverMs : serverMs + (monotonic() - atMs)),
  };
}
