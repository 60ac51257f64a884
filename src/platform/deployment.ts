import pg from 'pg';

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Reads the id of the deployment that a migrated database belongs to: all processes on that database share it.
 * @throws what the database raises
 */
export async function readDeploymentId(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => {}); // the query that it fails raises it as well
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM deployment');
    if (rows[0] === undefined) throw new Error('the table deployment is empty: its row was deleted');
    return rows[0].id;
  } finally {
    await client.end();
  }
}
