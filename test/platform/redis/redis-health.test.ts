import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { PROBE } from '../../../src/platform/redis/redis-health.ts';

/** What the queue and the worker of deadlines do, in the names of BullMQ's scripts. */
const OURS =
  /^(add(Delayed|Standard)Job|moveTo(Active|Delayed|Finished)|moveStalledJobsToWait|remove(Job|ChildDependency)|retryJob|reprocessJob|extendLocks?|releaseLock|getCounts|getRanges|getState|isMaxed|promote|saveStacktrace|updateProgress)-/;

/** The scripts of BullMQ that the service uses, as the installed version has them. */
function scripts(): string {
  const home = join(dirname(createRequire(import.meta.url).resolve('bullmq')), 'scripts');
  const names = readdirSync(home).filter((name) => name.endsWith('.js') && OURS.test(name));
  return names.map((name) => readFileSync(join(home, name), 'utf8')).join('\n');
}

test('the probe calls every command that the used scripts of BullMQ call', () => {
  const called = new Set(
    [...scripts().matchAll(/(?:rcall|redis\.call)\(\s*["']([A-Za-z]+)["']/g)].map(([, name]) => name?.toUpperCase()),
  );
  expect(called.size).toBeGreaterThan(30);
  const probed = new Set([...PROBE.matchAll(/call\('([A-Z]+)'/g)].map(([, name]) => name));
  expect([...called].filter((name) => !probed.has(name))).toEqual([]);
});
