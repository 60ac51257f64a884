type Cleanup = () => Promise<unknown>;

const pending: Cleanup[] = [];

/** Has something undone at the end of this test file, whatever happens before; the latest first. */
export function onCleanup(cleanup: Cleanup): void {
  pending.push(cleanup);
}

/** Makes a function that may be called by a test and again by the cleanup, and does its work once. */
export function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

/** Undoes everything, also what comes after a failure, and then reports the first failure. */
export async function runCleanups(): Promise<void> {
  const failures: unknown[] = [];
  for (let cleanup = pending.pop(); cleanup !== undefined; cleanup = pending.pop()) {
    await cleanup().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}
