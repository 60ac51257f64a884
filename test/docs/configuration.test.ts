import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/platform/config.ts';
import { section } from './readme.ts';

const SOURCE = readFileSync(join(import.meta.dirname, '../../src/platform/config.ts'), 'utf8');
// It switches rules of other variables, and is described with them.
const NOT_OURS = ['NODE_ENV'];

const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);

/** The variables of the table in docs/operate.md, each with its default, which is undefined where there is none. */
function documented(): { variable: string; fallback: string | undefined }[] {
  const rows = section('Configuration', 'docs/operate.md').matchAll(/^\| (`[^|]+) \| ([^|]*) \|/gm);
  return [...rows].flatMap(([, names = '', values = '']) => {
    const isListed = values.startsWith('`');
    const fallbacks = isListed ? quoted(values) : [];
    return quoted(names).map((variable, index) => ({ variable, fallback: fallbacks[index] }));
  });
}

test('docs/operate.md names every variable, and no other', () => {
  const known = [...SOURCE.matchAll(/^ {4}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name);
  const named = documented().map(({ variable }) => variable);
  expect(known.length).toBeGreaterThan(10);
  expect(new Set(named)).toEqual(new Set(known.filter((name) => !NOT_OURS.includes(name))));
  expect(new Set(named).size).toBe(named.length);
});

test('the defaults in docs/operate.md are the ones in the code', () => {
  const defaults = readConfig({});
  for (const { variable, fallback } of documented()) {
    const without = defaults[variable as keyof typeof defaults];
    if (fallback === undefined) {
      const isNothing = without === undefined || (Array.isArray(without) && without.length === 0);
      expect({ variable, isNothing }).toEqual({ variable, isNothing: true });
    } else {
      expect(readConfig({ [variable]: fallback })).toEqual(defaults);
    }
  }
});
