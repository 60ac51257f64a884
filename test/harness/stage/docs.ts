import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const DOCS = join(import.meta.dirname, '../../../docs');

const betweenMarkers = (name: string) => new RegExp(`(<!-- ${name} -->\n)(.*?)(<!-- /${name} -->)`, 's');

/** What stands between the markers of a name in a page of docs/. */
export function textBetweenMarkers(file: string, name: string): string {
  return betweenMarkers(name).exec(readFileSync(join(DOCS, file), 'utf8'))?.[2] ?? '';
}

/** Puts a text between the markers of a name in a page of docs/. */
export function putBetweenMarkers(file: string, name: string, text: string): void {
  const path = join(DOCS, file);
  const pattern = betweenMarkers(name);
  const page = readFileSync(path, 'utf8');
  if (!pattern.test(page)) throw new Error(`docs/${file} has no place for ${name}`);
  writeFileSync(
    path,
    page.replace(pattern, (_all, before: string, _old: string, after: string) => `${before}${text}${after}`),
  );
}

/** Puts what was measured between its markers in docs/reliability.md, with today's date. */
export function writeDocs({ name, text, table }: { name: string; text: string; table: string }): void {
  const date = new Date().toISOString().slice(0, 10);
  const block = `\`\`\`text\n${date}\n${text}\n\`\`\`\n${table === '' ? '' : `\n${table}\n`}`;
  putBetweenMarkers('reliability.md', name, block);
}
