import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import ts from 'typescript';

/** The text of each source file, by its path below src/. */
export type Sources = ReadonlyMap<string, string>;

/** Reads all TypeScript files below a directory. */
export async function readSources(directory: string): Promise<Sources> {
  const names = (await readdir(directory, { recursive: true })).filter((name) => /\.[cm]?tsx?$/.test(name));
  const texts = names.map(async (name) => [name.replaceAll('\\', '/'), await readFile(join(directory, name), 'utf8')]);
  return new Map((await Promise.all(texts)) as [string, string][]);
}

const isRequire = ({ expression }: ts.CallExpression): boolean =>
  expression.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(expression) && expression.text === 'require');

/** The part of a node that names a module, if it is an import or export of any kind. */
function moduleIn(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isExternalModuleReference(node)) return node.expression;
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
  return ts.isCallExpression(node) && isRequire(node) ? (node.arguments[0] ?? node) : undefined;
}

/** The module names in a text, as they stand there; '?' for what cannot be read off it, such as `import(name)`. */
function moduleNamesIn(text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const module = moduleIn(node);
    if (module !== undefined) found.push(ts.isStringLiteralLike(module) ? module.text : '?');
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, true));
  return found;
}

// The same few files are looked at from many others.
const read = new Map<string, string[]>();

/** What a file imports, types too: packages by their name, files of ours by their path below src/; else '?'. */
export function importsOf(path: string, text: string): string[] {
  const names = read.get(text) ?? moduleNamesIn(text);
  read.set(text, names);
  return names.map((name) => (name.startsWith('.') ? posix.join(posix.dirname(path), name) : name));
}

/** All that a file imports, itself or through others. */
export function reachableFrom(path: string, sources: Sources): Set<string> {
  const seen = new Set<string>();
  const open = [path];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const fresh = importsOf(at, sources.get(at) ?? '').filter((name) => !seen.has(name));
    for (const name of fresh) seen.add(name);
    open.push(...fresh.filter((name) => sources.has(name)));
  }
  return seen;
}

/** The files that import each other in a circle, each circle as a list: also where all that is imported is types. */
export function cyclesIn(sources: Sources): string[][] {
  const reached = new Map([...sources.keys()].map((path) => [path, reachableFrom(path, sources)]));
  const left = new Set([...sources.keys()].filter((path) => reached.get(path)?.has(path)));
  const cycles: string[][] = [];
  for (const path of left) {
    const cycle = [...left].filter((other) => reached.get(path)?.has(other) && reached.get(other)?.has(path));
    for (const member of cycle) left.delete(member);
    cycles.push(cycle);
  }
  return cycles;
}
