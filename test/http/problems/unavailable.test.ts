import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { OverloadedError } from '../../../src/application/command-queue.ts';
import { unavailableBecause } from '../../../src/http/problems/unavailable.ts';
import { CommitUnknownError } from '../../../src/platform/postgres/database.ts';

function serverError(code: string): Error {
  const error = new pg.DatabaseError('it failed', 9, 'error');
  error.code = code;
  return new Error('Failed query', { cause: error }); // as drizzle raises it
}

describe('a request that cannot be carried out now is told why, and when to come again:', () => {
  test.each<[string, Error, RegExp]>([
    ['PostgreSQL is away', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), /cannot be reached/],
    ['a connection ended', new Error('Connection terminated unexpectedly'), /cannot be reached/],
    ['PostgreSQL stops', serverError('57P01'), /stopping or starting/],
    ['PostgreSQL starts', serverError('57P03'), /stopping or starting/],
    ['PostgreSQL takes no writes', serverError('25006'), /takes no writes/],
    ['a lock is held', serverError('55P03'), /waited too long for the database or for a lock/],
    ['the pool is empty', new Error('timeout exceeded when trying to connect'), /waited too long/],
    ['the server has no connection left', serverError('53300'), /no free connection/],
    ['the disk is full', serverError('53100'), /no room/],
    ['a deadlock was broken', serverError('40P01'), /Another request changed the same data/],
    ['a pooler has lost a statement', serverError('26000'), /a proxy before it/],
    ['too much is waiting', new OverloadedError('too many'), /More requests are waiting/],
    ['the answer to COMMIT was lost', new CommitUnknownError(new Error('gone')), /may have taken effect/],
  ])('%s', (_what, error, detail) => {
    const problem = unavailableBecause(error);
    expect(problem).toMatchObject({ code: 'unavailable', headers: { 'retry-after': expect.any(String) } });
    expect(problem?.detail).toMatch(detail);
    expect(problem?.detail).toMatch(/ Send the request again: with an Idempotency-Key that is safe in any case\.$/);
    expect(/Nothing was changed/.test(problem?.detail ?? '')).toBe(!(error instanceof CommitUnknownError));
  });

  test('and a defect is none of them', () => {
    expect(unavailableBecause(serverError('23505'))).toBeNull();
    expect(unavailableBecause(new TypeError('undefined is not a function'))).toBeNull();
  });
});
