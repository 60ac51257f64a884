/** Whether there is a backlog of overdue deadlines. Then jobs leave the work to the sweeper, which is many times faster. */
export interface Backlog {
  readonly set: (isThere: boolean) => void;
  /** Resolves when there is none, at once or later. */
  readonly over: () => Promise<void>;
}

/** None yet. */
export function createBacklog(): Backlog {
  let over = Promise.resolve();
  let end: (() => void) | null = null;
  return {
    set: (isThere) => {
      if (isThere === (end !== null)) return;
      end?.();
      end = null;
      if (!isThere) return;
      over = new Promise((resolve) => {
        end = resolve;
      });
    },
    over: () => over,
  };
}
