import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DOCS = join(import.meta.dirname, '../../../docs');

/** Puts a text between the markers of a name in a page of docs/. */
export function putBetweenMarkers(file: string, name: string, text: string): void {
  const path = join(DOCS, file);
  const pattern = new RegExp(`(<!-- ${name} -->\n).*?(<!-- /${name} -->)`, 's');
  const page = readFileSync(path, 'utf8');
  if (!pattern.test(page)) throw new Error(`docs/${file} has no place for ${name}`);
  writeFileSync(
    path,
    page.replace(pattern, (_all, before: string, after: string) => `${before}${text}${after}`),
  );
}

/** Puts what was measured between its markers in docs/reliability.md, with today's date. */
export function writeDocs({ name, text, table }: { name: string; text: string; table: string }): void {
  const date = new Date().toISOString().slice(0, 10);
  const block = `\`\`\`text\n${date}\n${text}\n\`\`\`\n${table === '' ? '' : `\n${table}\n`}`;
  putBetweenMarkers('reliability.md', name, block);
}
