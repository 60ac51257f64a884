type Value = string | number | null;

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const line = (values: readonly Value[]): string =>
  `${values.map((value) => quoted(String(value ?? ''))).join(',')}\r\n`;

/** A table as RFC 4180 has it, with a line of names first; null is an empty field. */
export function toCsv(columns: readonly string[], rows: readonly (readonly Value[])[]): string {
  return [columns, ...rows].map(line).join('');
}
