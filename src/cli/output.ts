/** A stream to write to; `isTTY` says whether a person is looking. */
export interface Sink {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean | undefined;
}

/** What a command has around it. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Sink;
  readonly stderr: Sink;
  /** Where a checkout keeps the secrets that it has made for itself. */
  readonly dataDir: string;
}

export type Value = string | number | boolean | null | undefined;

// Text from the service may hold terminal control sequences: they must not reach the operator's terminal.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

function cell(value: Value): string {
  if (value === null || value === undefined || value === '') return '-';
  return String(value).replace(UNPRINTABLE, ' ');
}

/** A text of lines that people can be shown, wherever it comes from. */
export function printable(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(UNPRINTABLE, ' '))
    .join('\n');
}

const widthOf = (text: string): number => [...text].length;

/** A table for people: names above, columns side by side; or a word where it has no rows. */
export function table(columns: readonly string[], rows: readonly (readonly Value[])[]): string {
  if (rows.length === 0) return 'none\n';
  const cells = [columns, ...rows].map((row) => row.map(cell));
  const widths = columns.map((_name, column) => Math.max(...cells.map((row) => widthOf(row[column] ?? ''))));
  const line = (row: readonly string[]) =>
    row
      .map((text, column) => text + ' '.repeat((widths[column] ?? 0) - widthOf(text)))
      .join('  ')
      .trimEnd();
  return `${cells.map(line).join('\n')}\n`;
}

/** Names with their values, one a line. */
export function facts(pairs: readonly (readonly [string, Value])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${cell(value)}\n`).join('');
}

/** Tells people on a terminal how far something has come; programs and files get nothing of it. */
export function progress({ stderr }: Io) {
  let shown = false;
  return {
    say: (text: string): void => {
      if (stderr.isTTY !== true) return;
      stderr.write(`\r\u001b[K${text}`);
      shown = true;
    },
    end: (): void => {
      if (shown) stderr.write('\r\u001b[K');
    },
  };
}

/** Writes a result: as JSON for programs, or as a text for people. */
export function show({ stdout }: Io, asJson: boolean | undefined, value: unknown, text: () => string): void {
  stdout.write(asJson ? `${JSON.stringify(value, null, 2)}\n` : text());
}
