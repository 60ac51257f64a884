import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/**
 * Waits until `ask` gives something other than undefined, null or false, and returns it. For what happens in another
 * process or a loop, and so can be asked but not awaited.
 * @param pollMs how long it waits between two questions; more where asking costs those who are waited for
 * @throws after `timeoutMs` (a minute: a busy machine is slow, and that is no fault), naming `what`
 */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 60_000,
  pollMs = POLL_MS,
): Promise<Exclude<T, undefined | null | false>> {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) {
      return answer as Exclude<T, undefined | null | false>;
    }
    if (performance.now() > giveUpAt) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(pollMs);
  }
}
