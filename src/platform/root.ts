import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from;
  const above = dirname(from);
  if (above === from) throw new Error('there is no package.json above the program');
  return findRoot(above);
}

/** The project's directory, wherever in it the build has put this: what is no code is found from here. */
export const ROOT = findRoot(import.meta.dirname);
