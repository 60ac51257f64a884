import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import type { Database } from '../../../src/platform/postgres/database.ts';

interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly Node[];
}

/** How PostgreSQL went about one statement. */
export interface Plan {
  readonly ms: number;
  /** Tables that were read from end to end, among those that grow for ever. */
  readonly sequential: readonly string[];
  readonly indexes: readonly string[];
  /** Rows that were looked at in tables that grow, whether or not they were wanted. */
  readonly examined: number;
}

const GROWING = new Set(['disputes', 'orders', 'log_entries', 'timers', 'webhook_deliveries']);

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const child of node.Plans ?? []) yield* nodesOf(child);
}

function examinedBy(node: Node): number {
  if (!node['Node Type'].includes('Scan') || !GROWING.has(node['Relation Name'] ?? '')) return 0;
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  return (node['Actual Rows'] + removed) * node['Actual Loops'];
}

function planOf(root: Node, ms: number): Plan {
  const nodes = [...nodesOf(root)];
  const sequential = nodes.filter((node) => node['Node Type'] === 'Seq Scan' && node['Actual Loops'] > 0);
  return {
    ms,
    sequential: sequential.map((node) => node['Relation Name'] ?? '').filter((name) => GROWING.has(name)),
    indexes: [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))],
    examined: Math.round(nodes.reduce((sum, node) => sum + examinedBy(node), 0)),
  };
}

type Query = string | { readonly text: string };

/**
 * A database that asks for the plan of every statement before it runs it, all in one transaction of one connection, which
 * is rolled back in the end: what an access path does can be looked at as it really does it.
 */
export async function explain(client: pg.Client, path: (db: Database) => Promise<unknown>): Promise<Plan[]> {
  const plans: Plan[] = [];
  const query = async (statement: Query, values?: unknown[]) => {
    const text = typeof statement === 'string' ? statement : statement.text;
    if (/^\s*(BEGIN|ROLLBACK)\b/i.test(text)) return { rows: [] };
    if (/^\s*COMMIT\b/i.test(text)) return { rows: [], command: 'COMMIT' };
    await client.query('SAVEPOINT before');
    type Explained = { 'QUERY PLAN': readonly [{ Plan: Node; 'Execution Time': number; 'Planning Time': number }] };
    const { rows } = await client.query<Explained>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
    await client.query('ROLLBACK TO before');
    const explained = rows[0]?.['QUERY PLAN'][0];
    if (explained === undefined) throw new Error('there is no plan');
    plans.push(planOf(explained.Plan, explained['Execution Time'] + explained['Planning Time']));
    return await client.query(statement as string, values);
  };
  const connection = { query, release: () => {} };
  const pool = { query, connect: async () => connection } as unknown as pg.Pool;
  await client.query('BEGIN');
  try {
    const statements = { of: () => undefined, giveUp: () => {} };
    const connections = { take: async () => connection as unknown as pg.PoolClient, distrust: () => {} };
    await path({ pool, connections, query: drizzle(connection as unknown as pg.Client), statements });
    return plans;
  } finally {
    await client.query('ROLLBACK');
  }
}
