import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'examples/frontend/README.md',
  'examples/backend/README.md',
].concat(
  readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
);

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-');

const anchorsIn = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

function brokenIn(document: string): string[] {
  const links = [...readFileSync(join(ROOT, document), 'utf8').matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)];
  return links.flatMap(([, link = '']) => {
    const [path = '', anchor] = link.split('#');
    const file = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
    if (!existsSync(file)) return [`${document}: ${link} (no ${relative(ROOT, file)})`];
    return anchor === undefined || anchorsIn(file).includes(anchor) ? [] : [`${document}: ${link} (no such heading)`];
  });
}

test('every link between documents leads somewhere', () => {
  expect(documents.flatMap(brokenIn)).toEqual([]);
});

test('every file that CONTRIBUTING names exists', () => {
  const text = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
  const named = [...text.matchAll(/`((?:src|test|ui|docs|ops|migrations|openapi)\/[\w./-]+)`/g)].map(
    ([, path = '']) => path,
  );
  expect(named.length).toBeGreaterThan(30);
  // A folder may be named with its slash, and a file without what tells its kind.
  const isThere = (path: string) => ['', '.ts', '.test.ts'].some((ending) => existsSync(join(ROOT, path + ending)));
  expect(named.filter((path) => !isThere(path))).toEqual([]);
});

test('no two decisions have the same number', () => {
  const numbers = readdirSync(join(ROOT, 'docs/decisions')).map((name) => name.slice(0, 4));
  expect(new Set(numbers).size).toBe(numbers.length);
});

test('the README is short: 1,200 words', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8').split(/\s+/).length).toBeLessThanOrEqual(1_200);
});
