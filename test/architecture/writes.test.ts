import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readSources, type Sources } from './imports.ts';
import { writesOutsideTransactions } from './writes.ts';

let sources: Sources;

beforeAll(async () => {
  sources = await readSources(join(import.meta.dirname, '../../src'));
});

describe('a write outside a transaction', () => {
  test('is nowhere in src: a crash could undo it where synchronous_commit is off', () => {
    expect(sources.size).toBeGreaterThan(100);
    expect(writesOutsideTransactions(sources)).toEqual([]);
  });

  test.each([
    ['of a query', 'await query.execute(sql`UPDATE timers SET leased_until = now()`);', 'writes outside a transaction'],
    ['of a database', 'await deps.db.query.execute(sql`DELETE FROM timers`);', 'writes outside a transaction'],
    [
      'behind a WITH',
      'await query.execute<Row>(sql`WITH a AS (SELECT 1) INSERT INTO t SELECT 1`);',
      'writes outside a transaction',
    ],
    ['in a text', "await query.execute('TRUNCATE timers');", 'writes outside a transaction'],
    ['in a constant', 'await query.execute(FORGET);', 'executes a statement that only a run can tell'],
    ['on a connection', "await client.query('DELETE FROM timers');", 'sends a statement by client.query'],
    ['on a pool', "await db.pool.query('DELETE FROM timers');", 'sends a statement by db.pool.query'],
    [
      'in a function that takes both',
      "export async function forget(tx: Pick<Tx, 'execute'>) { await tx.execute(sql`DELETE FROM timers`); }",
      'writes, and may be called outside a transaction',
    ],
  ])('is found %s', (_where, text, fault) => {
    expect(writesOutsideTransactions(new Map([['store/planted.ts', text]]))).toEqual([`store/planted.ts ${fault}`]);
  });

  test('is not seen in a transaction, or in a read', () => {
    const text = 'await tx.execute(sql`DELETE FROM timers`); await query.execute(sql`SELECT updated_at FROM orders`);';
    expect(writesOutsideTransactions(new Map([['store/planted.ts', text]]))).toEqual([]);
  });
});
