import type { Logger } from 'pino';

/**
 * Waits for `work`, at most for a while. The work itself goes on after that, and its outcome is dropped.
 * @param what what the error says when it did not come in time
 * @throws an error that says so, or what `work` rejects with
 */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(what)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for something to stop, but not for ever: then it says so in the log, and goes on without it. */
export async function stopWithin(ms: number, what: string, work: Promise<unknown>, log: Logger): Promise<void> {
  try {
    await within(ms, `${what} did not stop within ${ms} ms`, work);
  } catch (error) {
    log.warn({ err: error }, 'stopping without it');
  }
}
