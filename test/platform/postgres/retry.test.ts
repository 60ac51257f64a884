import pg from 'pg';
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import { CommitUnknownError } from '../../../src/platform/postgres/database.ts';
import { LostRaceError, withRetry } from '../../../src/platform/postgres/retry.ts';

// The clock is a test's own: on a machine with other work, half a second passes between two tries.
let clock: MockInstance<() => number>;
beforeEach(() => {
  clock = vi.spyOn(performance, 'now').mockReturnValue(0);
});
afterEach(() => clock.mockRestore());

function fromServer(code: string): Error {
  const error = new pg.DatabaseError('the server said no', 1, 'error');
  error.code = code;
  // As drizzle hands it on.
  return new Error('a query failed', { cause: error });
}

/** Work that fails so many times, and then succeeds; with the number of times that it was tried. */
async function triesOf(error: Error, failures: number, idempotent: boolean) {
  let tries = 0;
  const work = async () => {
    tries += 1;
    if (tries <= failures) throw error;
    return 'done';
  };
  const outcome = await withRetry(work, { idempotent }).catch((failure: unknown) => failure);
  return { outcome, tries };
}

const TRANSIENT: [string, Error][] = [
  ['a race that was lost', new LostRaceError('it')],
  ['a deadlock', fromServer('40P01')],
  ['a connection that the server ended', fromServer('57P01')],
  ['a connection that broke', Object.assign(new Error('broken'), { code: 'ECONNRESET' })],
];

describe.each([true, false])('work that is idempotent: %s', (idempotent) => {
  test.each(TRANSIENT)('is tried again after %s', async (_name, error) => {
    expect(await triesOf(error, 2, idempotent)).toEqual({ outcome: 'done', tries: 3 });
  });

  test.each(TRANSIENT)('is tried three times at most after %s', async (_name, error) => {
    expect(await triesOf(error, 9, idempotent)).toEqual({ outcome: error, tries: 3 });
  });

  test.each([
    ['a lock that was waited for', fromServer('55P03')],
    ['a statement that took too long', fromServer('57014')],
    ['a connection that was waited for', new Error('timeout exceeded when trying to connect')],
    ['an answer that was waited for', new Error('a query failed', { cause: new Error('Query read timeout') })],
    ['a broken rule of the database', fromServer('23505')],
    ['a mistake of ours', new Error('undefined is not a function')],
  ])('is not tried again after %s', async (_name, error) => {
    expect(await triesOf(error, 1, idempotent)).toEqual({ outcome: error, tries: 1 });
  });

  test('is not tried again after any failure that was long in coming', async () => {
    let now = 0;
    clock.mockImplementation(() => now);
    let tries = 0;
    const work = async () => {
      tries += 1;
      now += 300;
      throw fromServer('57P01');
    };
    await expect(withRetry(work, { idempotent })).rejects.toThrow('a query failed');
    expect(tries).toBe(2);
  });

  test.each([
    ['a statement that a pooler has lost', fromServer('26000')],
    ['a race that was lost', new LostRaceError('it')],
  ])('is tried again after %s, however long the rest took', async (_name, error) => {
    let now = 0;
    clock.mockImplementation(() => {
      now += 1_000;
      return now;
    });
    expect(await triesOf(error, 1, idempotent)).toEqual({ outcome: 'done', tries: 2 });
  });

  test(`is tried again after a commit of unknown outcome only if it is`, async () => {
    const error = new CommitUnknownError(new Error('broken'));
    const expected = idempotent ? { outcome: 'done', tries: 2 } : { outcome: error, tries: 1 };
    expect(await triesOf(error, 1, idempotent)).toEqual(expected);
  });
});
