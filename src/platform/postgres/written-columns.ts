import { getTableColumns, is } from 'drizzle-orm';
import { type PgColumn, PgJsonb, type PgTable } from 'drizzle-orm/pg-core';

/** The columns of a table in a statement that gets its rows as JSON: each list is made from the table's definition. */
export interface WrittenColumns<Row> {
  /** The column definition list of `jsonb_to_recordset`. */
  readonly definitions: string;
  /** The names, for INSERT and for the SELECT beside it. */
  readonly names: string;
  /** The SET list of an UPDATE from a record with the given alias: every column but the fixed ones. */
  readonly changesFrom: (alias: string) => string;
  /** A row under the names and in the forms that the record has. */
  readonly record: (row: Row) => Record<string, unknown>;
}

interface Exceptions<Name> {
  /** Columns that keep what was inserted. */
  readonly fixed?: readonly Name[];
  /** Columns that the record does not have, since the statement or a later one sets them. */
  readonly apart?: readonly Name[];
}

/** What a column's value is as a member of a JSON object: jsonb stands as it is, anything else as the driver would send it. */
function encoderOf(column: PgColumn): (value: unknown) => unknown {
  if (is(column, PgJsonb)) return (value) => value ?? null;
  return (value) => (value === null || value === undefined ? null : column.mapToDriverValue(value));
}

/**
 * Makes the lists of a table's columns. A column that is added to the table is written, unless it is named here as an
 * exception.
 */
export function writtenColumns<
  Columns extends Record<string, PgColumn>,
  Row extends Record<string, unknown>,
  Apart extends keyof Columns & string = never,
>(
  table: PgTable & { readonly $inferSelect: Row; readonly _: { readonly columns: Columns } },
  { fixed = [], apart = [] }: Exceptions<keyof Columns & string> & { readonly apart?: readonly Apart[] } = {},
): WrittenColumns<Omit<Row, Apart>> {
  const left: readonly string[] = apart;
  const kept: readonly string[] = fixed;
  const columns = Object.entries(getTableColumns(table))
    .filter(([key]) => !left.includes(key))
    .map(([key, column]) => ({ key, name: column.name, type: column.getSQLType(), encode: encoderOf(column) }));
  const changing = columns.filter(({ key }) => !kept.includes(key));
  return {
    definitions: columns.map(({ name, type }) => `${name} ${type}`).join(', '),
    names: columns.map(({ name }) => name).join(', '),
    changesFrom: (alias) => changing.map(({ name }) => `${name} = ${alias}.${name}`).join(', '),
    record: (row: Record<string, unknown>) =>
      Object.fromEntries(columns.map(({ key, name, encode }) => [name, encode(row[key])])),
  };
}
