import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROBE, refusalOf } from '../../../src/platform/redis/redis-health.ts';

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

describe('a server that answers and refuses is told from one that is away', () => {
  const wrapped = Object.assign(new Error('EXECABORT Transaction discarded'), {
    previousErrors: [new Error("NOPERM this user has no permissions to run the 'eval' command")],
  });
  const ofNode = Object.assign(new Error('Failed to refresh slots cache.'), {
    lastNodeError: new Error('WRONGPASS invalid username-password pair'),
  });
  test.each<[unknown, string | null]>([
    [wrapped, 'NOPERM: the user of REDIS_URL lacks a permission'],
    [ofNode, 'WRONGPASS: the server does not accept the user name or password of REDIS_URL'],
    [new Error("READONLY You can't write against a read only replica."), 'READONLY: the server is a read-only replica'],
    [
      new Error("ERR The user executing the script can't run this command"),
      'NOPERM: the user of REDIS_URL lacks a permission',
    ],
    [new Error("OOM command not allowed when used memory > 'maxmemory'."), 'OOM: the memory of the server is full'],
    [new Error('connect ECONNREFUSED 127.0.0.1:6379'), null],
    [new Error('Command timed out'), null],
    [new Error('LOADING Redis is loading the dataset in memory'), null],
    ['not an error', null],
  ])('%s', (error, expected) => {
    expect(refusalOf(error)).toBe(expected);
  });
});
