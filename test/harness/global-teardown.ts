/** Stops the servers of this run and forgets all that was in them. */
export default async function tearDown(): Promise<void> {
  await globalThis.testRun?.stop();
}
