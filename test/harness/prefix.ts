import { prefixOf } from '../../src/workers/queue.ts';

/** REDIS_PREFIX of every service under test, so that tests can look at its keys. */
export const TEST_PREFIX_NAME = 'resolution-center';
/** The prefix of those keys. */
export const TEST_PREFIX = prefixOf(TEST_PREFIX_NAME);
