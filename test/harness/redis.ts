import { Redis } from 'ioredis';
import { onCleanup } from './cleanup.ts';
import { searchRedis } from './run/canary.ts';
import { redisUrlOf } from './run/servers.ts';

const NUMBERED_DATABASES = 15;

let emptied: Promise<string> | undefined;

async function emptyOne(): Promise<string> {
  // Test files that run at the same time have different worker ids.
  const url = redisUrlOf(1 + (Number(process.env['VITEST_POOL_ID'] ?? 1) % NUMBERED_DATABASES));
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  await redis.flushdb();
  redis.disconnect();
  onCleanup(async () => {
    // Test files of one worker share this module.
    emptied = undefined;
    await searchRedis(url);
  });
  return url;
}

/** The address of a Redis database that belongs to this test file, and was empty when it was first asked for. */
export function testRedisUrl(): Promise<string> {
  emptied ??= emptyOne();
  return emptied;
}
