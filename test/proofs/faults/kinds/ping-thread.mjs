import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Redis } from 'ioredis';

// The load and the ways to Redis are in the thread that starts this one: what it measured would be its own delay.
const redis = new Redis(workerData.port, { retryStrategy: () => null });
redis.on('error', () => {});
let slowest = 0;
let done = false;
parentPort.once('message', () => {
  done = true;
});
while (!done) {
  const begun = performance.now();
  await redis.ping().catch(() => {});
  slowest = Math.max(slowest, performance.now() - begun);
  await sleep(10);
}
redis.disconnect();
parentPort.postMessage(slowest);
