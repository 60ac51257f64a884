import pg from 'pg';
import { describeDatabaseProblem } from './database-problems.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Reads the id of the deployment that a migrated database belongs to: all processes on that database share it.
 * @throws Error whose message is one line that says what is wrong and what to do
 */
export async function readDeploymentId(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => {}); // the query that it fails raises it as well
  try {
    await client.connect();
    const { rows } = await client.query<{ id: string }>('SELECT id FROM public.deployment');
    if (rows[0] === undefined) throw new Error('the table deployment is empty: its row was deleted');
    return rows[0].id;
  } catch (error) {
    throw new Error(describeDatabaseProblem(databaseUrl, error), { cause: error });
  } finally {
    await client.end().catch(() => {}); // of what is broken already
  }
}
