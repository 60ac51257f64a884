import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { mutate } from './apply.ts';
import { MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../../..');

test.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))('can still be made: %s', async (_name, mutant) => {
  const source = await readFile(join(ROOT, mutant.file), 'utf8');
  expect(mutate(source, mutant)).not.toBe(source);
  expect(mutant.killedBy.length).toBeGreaterThan(0);
  for (const file of mutant.killedBy) expect(existsSync(join(ROOT, file))).toBe(true);
});

test('no two mutants have the same name', () => {
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});
