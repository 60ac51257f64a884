import type { TestDatabase } from '../../../harness/database.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import type { ManagedPostgres } from './postgres-server.ts';

/**
 * Moves a database to another of the same server as a provider's blue/green upgrade does: the schema first, then the rows by
 * logical replication, until all that was written is there. Sequences are not copied.
 */
export async function move(server: ManagedPostgres, blue: TestDatabase): Promise<TestDatabase> {
  const green = await server.createDatabase();
  // The migrations have left rows of their own, which come from the other database.
  const tables = await green.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  await green.query(`TRUNCATE ${tables.map(({ name }) => name).join(', ')}`);
  const slot = `to_${green.name}`;
  await blue.query(`CREATE PUBLICATION ${slot} FOR ALL TABLES`);
  // Both are on one server, where a subscription that made the slot itself would wait for its own transaction.
  await blue.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  const { hostname, port, username, password } = new URL(blue.url);
  const address = `host=${hostname} port=${port} dbname=${blue.name} user=${username} password=${password}`;
  await green.query(`CREATE SUBSCRIPTION ${slot} CONNECTION '${address}' PUBLICATION ${slot}
    WITH (create_slot = false, slot_name = '${slot}')`);
  await waitFor(
    'all tables are copied',
    async () => {
      const rows = await green.query(`SELECT 1 FROM pg_subscription_rel WHERE srsubstate <> 'r'`);
      return rows.length === 0;
    },
    30_000,
  );
  const [end] = await blue.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn');
  await waitFor(
    'the rest has come',
    async () => {
      const rows = await blue.query(
        `SELECT 1 FROM pg_replication_slots WHERE slot_name = $1 AND confirmed_flush_lsn >= $2::pg_lsn`,
        [slot, end?.lsn],
      );
      return rows.length > 0;
    },
    30_000,
  );
  await green.query(`DROP SUBSCRIPTION ${slot}`);
  return green;
}
