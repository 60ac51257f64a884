import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');

test.each(MUTANTS)(
  'the mutant "$name" still finds its place, and its tests are there',
  ({ file, find, replace, killedBy }) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    expect(text.split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
    for (const path of killedBy) expect(existsSync(join(ROOT, path))).toBe(true);
  },
);
