import ts from 'typescript';
import type { Sources } from './imports.ts';

/**
 * Where statements are sent by other means than `withTx` and the reads of a `Database`, and why that is no write that a crash
 * undoes: these send transactions, ask the server about itself, or belong to the servers of development.
 */
const BY_OTHER_MEANS = new Set([
  'platform/postgres/database.ts',
  'platform/postgres/migrations.ts',
  'platform/postgres/deployment.ts',
  'platform/postgres/postgres-health.ts',
  'dev/embedded/postgres.ts',
]);

const WRITES = /\b(INSERT\s+INTO|UPDATE\s+\w+|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE|SET\s+LOCAL|nextval|setval)\b/i;
const STRAIGHT = /\b(client|pool|connection)\.query$/;
/** The ways to a `Database`'s reads: its own member, however it is reached, and parameters that take it apart. */
const OF_READS = /(^|\.)query\.execute$/;

const textOf = (node: ts.Node, source: ts.SourceFile): string => node.getText(source);

/** A statement that is written outside a transaction, or sent in a way that nothing can tell. */
function faultOfCall(path: string, call: ts.CallExpression, source: ts.SourceFile): string | null {
  const callee = textOf(call.expression, source);
  if (STRAIGHT.test(callee)) return BY_OTHER_MEANS.has(path) ? null : `sends a statement by ${callee}`;
  const statement = call.arguments[0];
  if (!OF_READS.test(callee) || statement === undefined) return null;
  if (!/^(sql)?[`'"]/.test(textOf(statement, source))) return 'executes a statement that only a run can tell';
  return WRITES.test(textOf(statement, source)) ? 'writes outside a transaction' : null;
}

/** `Pick<Tx, 'execute'>` is where reads and transactions both go. */
function faultOfFunction(node: ts.FunctionDeclaration, source: ts.SourceFile): string | null {
  const takesBoth = node.parameters.some(({ type }) => type !== undefined && /Pick<Tx/.test(textOf(type, source)));
  return takesBoth && WRITES.test(textOf(node, source)) ? 'writes, and may be called outside a transaction' : null;
}

function faultsIn(path: string, text: string): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const fault = ts.isCallExpression(node)
      ? faultOfCall(path, node, source)
      : ts.isFunctionDeclaration(node)
        ? faultOfFunction(node, source)
        : null;
    if (fault !== null) found.push(`${path} ${fault}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/**
 * Every write that is not sent by `withTx`, one line each. A commit is durable only there: a role or a database may have
 * `synchronous_commit = off`. That a `Database` has neither insert nor update nor delete is held by its type.
 */
export function writesOutsideTransactions(sources: Sources): string[] {
  return [...sources].filter(([path]) => !/^cli\//.test(path)).flatMap(([path, text]) => faultsIn(path, text));
}
