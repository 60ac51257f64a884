import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSources } from '../architecture/imports.ts';

const ROOT = join(import.meta.dirname, '../..');
const GLOSSARY = readFileSync(join(ROOT, 'docs/glossary.md'), 'utf8');

/** The rows of the tables that have a term, its meaning, and the identifier that stands for it. */
const terms = [...GLOSSARY.matchAll(/^\| ([^|`]+) \| ([^|]+) \| `(\w+)` \|$/gm)].map(([, term = '', , name = '']) => ({
  term,
  name,
}));

test('each term stands for an identifier that the code has', async () => {
  expect(terms.length).toBeGreaterThan(40);
  const source = [...(await readSources(join(ROOT, 'src'))).values()].join('\n');
  const gone = terms.filter(({ name }) => !new RegExp(`\\b${name}\\b`).test(source));
  expect(gone, 'src has none of these any more; docs/glossary.md has').toEqual([]);
});

test('no term is defined twice', () => {
  expect(new Set(terms.map(({ term }) => term)).size).toBe(terms.length);
});

test('each folder of src has a sentence', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const described = [...GLOSSARY.matchAll(/^\| `(\w+)` \| [^|]+ \|$/gm)].map(([, name]) => name);
  const names = folders.map(({ name }) => name).sort();
  const missing = names.filter((name) => !described.includes(name));
  expect(missing.map((name) => `docs/glossary.md has no row for src/${name}`)).toEqual([]);
  expect(described).toEqual(names);
});
