// Imports nothing: until this has run, a signal ends the process by default, and as the first process of a container the
// signal is lost.

/** Why the process has to stop. */
export class StopAsked extends Error {
  /** The signal, or null where an error of our own is the cause. */
  readonly signal: NodeJS.Signals | null;

  constructor(signal: NodeJS.Signals | null, cause?: unknown) {
    super(signal === null ? 'stopping after an unhandled error' : `stopping after ${signal}`, { cause });
    this.name = 'StopAsked';
    this.signal = signal;
  }
}

/** What the process has been asked for so far. The reason of both signals is a `StopAsked`. */
export interface Shutdown {
  /** Aborted when the process has to finish what is under way and end. */
  readonly asked: AbortSignal;
  /** Aborted when it has to end without finishing what is under way. */
  readonly hurried: AbortSignal;
}

// A terminal signals every process in its foreground, and npm forwards the same signal: one Ctrl-C arrives twice within
// milliseconds. Only a signal that comes later is a second wish.
const REPEATED_AFTER_MS = 2_000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGBREAK'] as const;

/**
 * Listens for signals and for errors that nothing handles, from now on and for the life of the process.
 *
 * SIGINT, SIGTERM and SIGHUP ask for an orderly stop, however often they arrive within two seconds. SIGINT or SIGTERM after
 * that, SIGQUIT (Ctrl-\) at any time, and a second unhandled error hurry it.
 */
export function listenForShutdown(): Shutdown {
  const asked = new AbortController();
  const hurried = new AbortController();
  let askedAt = 0;
  const ask = (reason: StopAsked, isHurry: boolean) => {
    if (!asked.signal.aborted) {
      askedAt = performance.now();
      asked.abort(reason);
    }
    if (isHurry) hurried.abort(reason);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    const isRepeated = asked.signal.aborted && performance.now() - askedAt > REPEATED_AFTER_MS;
    ask(new StopAsked(signal), signal === 'SIGQUIT' || (isRepeated && signal !== 'SIGHUP'));
  };
  const onError = (error: unknown) => ask(new StopAsked(null, error), asked.signal.aborted);
  for (const signal of SIGNALS) process.removeAllListeners(signal).on(signal, onSignal); // `ops/run.mjs` listened so far
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  return { asked: asked.signal, hurried: hurried.signal };
}

/** Waits until a signal is aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
