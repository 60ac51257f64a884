import type { Logger } from 'pino';
import { createRepeatingLog } from '../platform/log.ts';

/** A task that repeats until it is stopped. */
export interface Loop {
  /** Stops it after the round that is under way. */
  readonly stop: () => Promise<void>;
}

export interface LoopOptions {
  readonly name: string;
  readonly intervalMs: number;
  /** The pause after a round that failed, or that will have something to do soon, if it is not the same. */
  readonly soonMs?: number;
  readonly log: Logger;
  /** Whether it begins with a pause instead of a round. */
  readonly pauseFirst?: true;
  /** Told of each round that did not fail. */
  readonly onSuccess?: () => void;
  /** Whether the cause of a failure is logged elsewhere: then the round is logged for debugging alone. */
  readonly isToldElsewhere?: (error: unknown) => boolean;
}

const JITTER = 0.2;

/**
 * Repeats `round` with a pause of `intervalMs` ± 20 % between, with a shorter one where it says `soon`, or with none while it
 * says that there is more to do.
 * A round that fails is logged (the same failure once a minute) and tried again after a pause; nothing ends the loop but `stop`.
 */
export function startLoop(
  { name, intervalMs, soonMs = intervalMs, log, pauseFirst, onSuccess, isToldElsewhere = () => false }: LoopOptions,
  round: () => Promise<'more' | 'soon' | 'done'>,
): Loop {
  let stopped = false;
  let wake: (() => void) | undefined;

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, ms * (1 - JITTER + 2 * JITTER * Math.random())).unref();
    });

  const warn = createRepeatingLog(log);
  const attempt = async () => {
    try {
      const next = await round();
      onSuccess?.();
      return next;
    } catch (error) {
      const message = 'a round failed and will be tried again';
      if (isToldElsewhere(error)) log.debug({ err: error, loop: name }, message);
      else warn(error, { loop: name }, message);
      return 'soon';
    }
  };

  const run = async () => {
    if (pauseFirst) await pause(intervalMs);
    while (!stopped) {
      const next = await attempt();
      if (next !== 'more' && !stopped) await pause(next === 'soon' ? soonMs : intervalMs);
    }
  };

  const finished = run();
  return {
    stop: () => {
      stopped = true;
      wake?.();
      return finished;
    },
  };
}
