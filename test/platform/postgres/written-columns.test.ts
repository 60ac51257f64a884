import { getTableColumns, getTableName } from 'drizzle-orm';
import { bigint, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { writtenColumns } from '../../../src/platform/postgres/written-columns.ts';
import { disputes, logEntries, orders, timers } from '../../../src/store/schema.ts';
import { createDatabase, type TestDatabase } from '../../harness/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});

const columns = {
  id: uuid('id').primaryKey(),
  ownerId: text('owner_id').notNull(),
  counts: bigint('counts', { mode: 'number' }).array().notNull(),
  facts: jsonb('facts').$type<{ a: number }>(),
  position: integer('position'),
};

describe('a column that is added to a table', () => {
  test('is in the record, in the INSERT and in the UPDATE of its rows, without being named anywhere else', () => {
    const planted = pgTable('planted', { ...columns, addedLater: text('added_later') });
    const { definitions, names, changesFrom, record } = writtenColumns(planted, { fixed: ['id'], apart: ['position'] });
    expect(definitions).toBe('id uuid, owner_id text, counts bigint[], facts jsonb, added_later text');
    expect(names).toBe('id, owner_id, counts, facts, added_later');
    expect(changesFrom('r')).toBe(
      'owner_id = r.owner_id, counts = r.counts, facts = r.facts, added_later = r.added_later',
    );
    const row = { id: 'a', ownerId: 'b', counts: [1, 2], facts: { a: 1 }, addedLater: 'c' };
    expect(record(row)).toEqual({ id: 'a', owner_id: 'b', counts: '{1,2}', facts: { a: 1 }, added_later: 'c' });
  });

  test('must be in the row, or nothing compiles', () => {
    const { record } = writtenColumns(pgTable('planted', columns), { apart: ['position'] });
    // @ts-expect-error: `facts` is missing
    expect(record({ id: 'a', ownerId: 'b', counts: [] })).toMatchObject({ facts: null });
  });
});

test.each([orders, disputes, logEntries, timers].map((table) => [getTableName(table), table] as const))(
  'the definition of %s has every column that the migrations made',
  async (name, table) => {
    const rows = await database.query<{ name: string }>(
      'SELECT attname AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped',
      [name],
    );
    const defined = Object.values(getTableColumns(table)).map((column) => column.name);
    expect(new Set(defined)).toEqual(new Set(rows.map((row) => row.name)));
  },
);
