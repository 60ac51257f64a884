import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Statement } from './record.ts';

const run = promisify(execFile);

/** The names of what the nth transaction of a client in a round is about, as pgbench's variables spell them. */
export const ORDER = 'bench-pg-:r-:client_id-:n';
const NUMBER = '\\set u 100000000000 + :r * 1000000000 + :client_id * 10000000 + :n';
/** The id of an order's dispute; the last part is the number above. */
export const DISPUTE_PREFIX = '0199aaaa-0000-7000-8000-';
/** The order that a recorded transaction was about, in the same form. */
export const RECORDED_ORDER = 'bench-pg-0-0-0';
export const RECORDED_DISPUTE = `${DISPUTE_PREFIX}100000000000`;

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Gives each recorded id a name of its own in every transaction, the same wherever it stands. */
function createNames() {
  const known = new Map([[RECORDED_DISPUTE, `${DISPUTE_PREFIX}:u`]]);
  return (text: string): string =>
    text.replaceAll(RECORDED_ORDER, ORDER).replace(UUID, (id) => {
      const name = known.get(id) ?? `0199aaaa-0000-7000-${8_000 + known.size}-:u`;
      known.set(id, name);
      return name;
    });
}

function literalOf(value: unknown, name: (text: string) => string): string {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'number' || typeof value === 'boolean') return `'${value}'`;
  if (value instanceof Date) return `'${value.toISOString()}'`;
  const text = Array.isArray(value)
    ? `{${value.join(',')}}`
    : typeof value === 'string'
      ? value
      : JSON.stringify(value);
  return `'${name(text).replaceAll("'", "''")}'`;
}

const onOneLine = (text: string): string =>
  text
    .replace(/^\s*--.*$/gm, '')
    .replace(/\s+/g, ' ')
    .trim();

/**
 * A script that does to the database what a recorded transaction did, in as many round trips: each statement is prepared once
 * for a connection, and executed with the values that were recorded, other ids in their place.
 */
export function scriptOf(statements: readonly Statement[]): string {
  const name = createNames();
  const prepared = statements.map(({ text, values }, index) =>
    values.length === 0 ? null : `PREPARE s${index} AS ${onOneLine(text)};`,
  );
  const flights = new Map<number, string[]>();
  statements.forEach(({ text, values, flight }, index) => {
    const literals = values.map((value) => literalOf(value, name)).join(', ');
    const line = values.length > 0 ? `EXECUTE s${index} (${literals})` : text.replaceAll(/;\s*/g, ' \\; ');
    flights.set(flight, [...(flights.get(flight) ?? []), line]);
  });
  const executed = [...flights.values()].map((lines) => `${lines.join(' \\; ')};`);
  return [
    '\\set n :n + 1',
    NUMBER,
    '\\if :n = 1',
    ...prepared.filter((line) => line !== null),
    '\\endif',
    ...executed,
    '',
  ].join('\n');
}

export interface PgbenchOptions {
  readonly url: string;
  readonly file: string;
  readonly clients: number;
  readonly seconds: number;
  readonly round: number;
  /** Whether the script sends its statements one by one with variables, to be prepared by pgbench; it knows the clients as c. */
  readonly lean?: boolean;
}

/** Runs a script for some seconds and says how many transactions it did in a second. */
export async function runPgbench({
  url,
  file,
  clients,
  seconds,
  round,
  lean = false,
}: PgbenchOptions): Promise<number> {
  const variables = ['-D', 'n=0', '-D', `r=${round}`, '-D', `c=${clients}`];
  const fixed = ['-n', '-M', lean ? 'prepared' : 'simple', ...variables, '-f', file];
  const threads = lean && clients > 1 ? 2 : 1;
  const args = [...fixed, '-c', String(clients), '-j', String(threads), '-T', String(seconds), url];
  const { stdout, stderr } = await run('pgbench', args);
  const rate = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
  if (Number.isNaN(rate) || /aborted/.test(stderr)) throw new Error(`pgbench failed: ${stdout}${stderr}`);
  return rate;
}

export const writeScript = (file: string, statements: readonly Statement[]): Promise<void> =>
  writeFile(file, scriptOf(statements), { mode: 0o644 });
