import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../../README.md');

export const readme = readFileSync(FILE, 'utf8');

/** The part of the README under a heading. */
export function section(heading: string): string {
  const [, after] = readme.split(`\n## ${heading}\n`);
  if (after === undefined) throw new Error(`the README has no section ${heading}`);
  return after.split('\n## ')[0] ?? after;
}

/** The fenced blocks of a text, in order. */
export function blocks(text: string): { language: string; code: string }[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', code = '']) => ({ language, code }));
}
