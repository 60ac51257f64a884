import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';

/**
 * A file with a mutant's mistake in it.
 * @throws if what is to be replaced is not there exactly once
 */
export function mutate(source: string, { name, file, edits }: Mutant): string {
  return edits.reduce((text, { search, replace }) => {
    const count = text.split(search).length - 1;
    if (count !== 1) throw new Error(`"${name}": found ${count} times in ${file}: ${search}`);
    return text.replace(search, () => replace);
  }, source);
}

/** Puts a mutant's mistake into the tree at `root`, and says how to take it out again. */
export async function applyTo(root: string, mutant: Mutant): Promise<() => Promise<void>> {
  const path = join(root, mutant.file);
  const source = await readFile(path, 'utf8');
  await writeFile(path, mutate(source, mutant));
  return () => writeFile(path, source);
}
