import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;
const POLL_MS_AT_MOST = 200;
/** A wait of seconds is asked about less often: it ends late by a twentieth at most. */
const LATE = 1 / 20;

/** The pause before the next question, once so many milliseconds were waited. */
const pauseAfter = (waitedMs: number): number => Math.min(POLL_MS + waitedMs * LATE, POLL_MS_AT_MOST);

/**
 * Waits until `ask` gives something other than undefined, null or false, and returns it. For what happens in another
 * process or a loop, and so can be asked but not awaited.
 * @param pollMs how long it waits between two questions, where that has to stay the same: more where asking costs those who are
 *   waited for, less for what is there for a moment only
 * @throws after `timeoutMs` (a minute: a busy machine is slow, and that is no fault), naming `what`
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 60_000,
  pollMs?: number,
): Promise<Exclude<T, undefined | null | false>> {
  const begun = performance.now();
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) {
      return answer as Exclude<T, undefined | null | false>;
    }
    const waitedMs = performance.now() - begun;
    if (waitedMs > timeoutMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(pollMs ?? pauseAfter(waitedMs));
  }
}
