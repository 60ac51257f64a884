import pg from 'pg';
import { ConfigError, type Mode } from '../config.ts';
import { describeDatabaseProblem } from './database-problems.ts';

const CONNECT_TIMEOUT_MS = 5_000;

interface Row {
  readonly id: string;
  readonly mode: Mode | null;
}

async function readOrWrite(client: pg.Client, mode: Mode): Promise<Row> {
  const { rows } = await client.query<Row>('SELECT id, mode FROM public.deployment');
  const [known] = rows;
  if (known === undefined) throw new Error('the table deployment is empty: its row was deleted');
  if (known.mode !== null) return known;
  // Of two processes that start at once, one writes; the other one reads what it wrote.
  await client.query('UPDATE public.deployment SET mode = $1 WHERE mode IS NULL', [mode]);
  return readOrWrite(client, mode);
}

/**
 * Opens the deployment that a migrated database belongs to: all processes on that database share it. The first start writes its
 * mode, which never changes afterwards.
 * @returns its id
 * @throws ConfigError if the deployment has another mode
 * @throws Error whose message is one line that says what is wrong and what to do
 */
export async function openDeployment(databaseUrl: string, mode: Mode): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => {}); // the query that it fails raises it as well
  let row: Row;
  try {
    await client.connect();
    row = await readOrWrite(client, mode);
  } catch (error) {
    throw new Error(describeDatabaseProblem(databaseUrl, error), { cause: error });
  } finally {
    await client.end().catch(() => {}); // of what is broken already
  }
  if (row.mode === mode) return row.id;
  throw new ConfigError(
    `MODE must be ${row.mode}: this database was first used so, and a deployment never changes its mode; for ${mode}, use another database`,
  );
}
