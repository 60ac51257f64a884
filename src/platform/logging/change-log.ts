/** Writes a change of a state; `changes` says how many others were left out since the last one that was written. */
export type ChangeLog = (state: string, write: (facts: { readonly changes?: number }) => void) => void;

export interface ChangeLogOptions {
  /** The state that is not news. */
  readonly initial: string;
  readonly now?: () => number;
}

const MOST = 6;
const WINDOW_MS = 60_000;

/**
 * Bounds the log of a state that may change many times a second: six changes a minute are written at once. Of the next ones,
 * the state is written that there is when the minute is over, and nothing where that was the one written last.
 */
export function createChangeLog({ initial, now = () => performance.now() }: ChangeLogOptions): ChangeLog {
  let current = initial;
  let written = initial;
  let writeCurrent = () => {};
  let leftOut = 0;
  let isWaiting = false;
  /** When the last changes were written, the oldest first. */
  const times: number[] = [];

  const settle = () => {
    isWaiting = false;
    if (current === written) return;
    written = current;
    times.push(now());
    if (times.length > MOST) times.shift();
    writeCurrent();
  };
  return (state, write) => {
    if (state === current) return;
    current = state;
    leftOut += 1;
    writeCurrent = () => {
      const changes = leftOut - 1;
      leftOut = 0;
      write(changes > 0 ? { changes } : {});
    };
    if (isWaiting) return;
    const [oldest = 0] = times;
    const restMs = times.length < MOST ? 0 : oldest + WINDOW_MS - now();
    if (restMs <= 0) return settle();
    isWaiting = true;
    setTimeout(settle, restMs).unref();
  };
}
