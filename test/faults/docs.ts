import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../../docs/reliability.md');

/** Puts what was measured between its markers in docs/reliability.md, with today's date. */
export function writeDocs({ name, text, table }: { name: string; text: string; table: string }): void {
  const date = new Date().toISOString().slice(0, 10);
  const block = `\`\`\`text\n${date}\n${text}\n\`\`\`\n${table === '' ? '' : `\n${table}\n`}`;
  const pattern = new RegExp(`(<!-- ${name} -->\n).*?(<!-- /${name} -->)`, 's');
  const page = readFileSync(FILE, 'utf8');
  if (!pattern.test(page)) throw new Error(`docs/reliability.md has no place for ${name}`);
  writeFileSync(
    FILE,
    page.replace(pattern, (_all, before: string, after: string) => `${before}${block}${after}`),
  );
}
