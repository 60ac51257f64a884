import { describe, expect, test } from 'vitest';
import { isOutage, refusalOf } from '../../../src/platform/redis/redis-errors.ts';
import { RedisUnusableError } from '../../../src/platform/redis/redis-state.ts';

const wrapped = Object.assign(new Error('EXECABORT Transaction discarded'), {
  previousErrors: [new Error("NOPERM this user has no permissions to run the 'eval' command")],
});

describe('a server that answers and refuses is told from one that is away', () => {
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
    [
      new Error('MOVED 866 127.0.0.1:7001'),
      'MOVED: the server is a node of a cluster, and REDIS_URL does not say cluster=true',
    ],
    [
      new Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
      'MASTERDOWN: the server is a replica that has lost its master',
    ],
    [
      new Error("ERR unknown command 'eval', with args beginning with: "),
      'DISABLED: a command that the queue needs does not exist there',
    ],
    [new Error('ERR max number of clients reached'), 'MAXCLIENTS: the server has as many clients as it allows'],
    [new Error('connect ECONNREFUSED 127.0.0.1:6379'), null],
    [new Error('Command timed out'), null],
    [new Error('LOADING Redis is loading the dataset in memory'), null],
    ['not an error', null],
  ])('%s', (error, expected) => {
    expect(refusalOf(error)).toBe(expected);
  });
});

describe('an error that is logged as an outage of Redis is told from one of a job', () => {
  test.each<[unknown, boolean]>([
    [wrapped, true],
    [new RedisUnusableError({ redis: 'down' }), true],
    [Object.assign(new Error('connect refused'), { code: 'ECONNREFUSED' }), true],
    [new Error("Stream isn't writeable and enableOfflineQueue options is false"), true],
    [new Error('Connection is closed.'), true],
    [new Error('Command timed out'), true],
    [new Error('UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)'), true],
    [new Error('Missing lock for job deadline-1. moveToFinished'), false],
    [new TypeError('undefined is not a function'), false],
    ['not an error', false],
  ])('%s', (error, expected) => {
    expect(isOutage(error)).toBe(expected);
  });
});
