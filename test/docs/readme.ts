import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** The part of a document under a heading of the second level. */
export function section(heading: string, file = 'README.md'): string {
  const [, after] = readFileSync(join(ROOT, file), 'utf8').split(`\n## ${heading}\n`);
  if (after === undefined) throw new Error(`${file} has no section ${heading}`);
  return after.split('\n## ')[0] ?? after;
}

/** The fenced blocks of a text, in order. */
export function blocks(text: string): { language: string; code: string }[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({ language, code }));
}

/** The fields of the log that docs/operate.md names. */
export function documentedLogFields(): Set<string> {
  const text = section('Watch it', 'docs/operate.md').split('\n### The log\n')[1] ?? '';
  const named = [...text.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) => cell.match(/\w+/g) ?? []);
  return new Set(['level', 'time', 'msg', ...named]);
}
