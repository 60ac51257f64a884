import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentedLogFields } from './readme.ts';

const SOURCE = join(import.meta.dirname, '../../src');
const CALL =
  /\b(?:\w+\.)*(?:log|warn|audit|logFailure)(?:\.(?:debug|info|warn|error|fatal))?\(\s*(?:\w+,\s*)?\{([^{}]*)\}/g;

/** The names of the fields that calls of a log write out, beside those that they spread. */
function fieldsInSource(): Set<string> {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.startsWith('cli/'),
  );
  const calls = files.flatMap((name) => [...readFileSync(join(SOURCE, name), 'utf8').matchAll(CALL)]);
  return new Set(
    calls.flatMap(([, fields = '']) => [...fields.matchAll(/(?:^|,)\s*(\w+)/g)].map(([, field = '']) => field)),
  );
}

test('docs/operate.md names every field that a line of the log may have', () => {
  const fields = fieldsInSource();
  expect(fields.size).toBeGreaterThan(15);
  expect([...fields].filter((field) => !documentedLogFields().has(field))).toEqual([]);
});
