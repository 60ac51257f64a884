import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, copyFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type EmbeddedServer, startPostgres } from '../../../../src/dev/embedded/postgres.ts';
import { clusterOf } from '../../../../src/dev/embedded/postgres-home.ts';
import { MIGRATIONS, migrate } from '../../../../src/platform/postgres/migrations.ts';
import { onCleanup } from '../../../harness/cleanup.ts';
import type { TestDatabase } from '../../../harness/database.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import type { Certificates } from './certificates.ts';

type Settings = Readonly<Record<string, string>>;

/** A PostgreSQL of a test's own, to be configured, and replicated, as a provider does it. */
export interface ManagedPostgres {
  /** Asks its database `postgres`, as its administrator. */
  readonly query: TestDatabase['query'];
  /** Makes a database; with the schema of the service, unless it comes by other means. */
  readonly createDatabase: (name?: string, isMigrated?: boolean) => Promise<TestDatabase>;
  /** Changes settings for all sessions, also those that exist. */
  readonly configure: (settings: Settings) => Promise<void>;
  /** Starts a standby that streams from it. */
  readonly startStandby: () => Promise<ManagedPostgres>;
  /** A database that it has already, as a standby has those of its primary. */
  readonly database: (name: string) => TestDatabase;
}

const run = promisify(execFile);

async function newHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-managed-'));
  onCleanup(() => rm(home, { recursive: true, force: true }));
  await chmod(home, 0o755);
  return home;
}

function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 4, allowExitOnIdle: true });
  pool.on('error', () => {}); // its server is stopped before it
  pool.on('connect', (client) => client.on('error', () => {}));
  onCleanup(() => pool.end());
  return pool;
}

const alter = (settings: Settings): string[] =>
  Object.entries(settings).map(([name, value]) => `ALTER SYSTEM SET ${name} = ${value}`);

/** Has the server of a cluster, once it is started, speak TLS with a certificate. */
async function giveCertificate(cluster: string, { certificate, key }: Certificates): Promise<Settings> {
  const { uid, gid } = await stat(cluster);
  for (const [from, name] of [
    [certificate, 'server.pem'],
    [key, 'server.key'],
  ] as const) {
    const to = join(cluster, name);
    await copyFile(from, to);
    await chown(to, uid, gid);
    await chmod(to, 0o600); // PostgreSQL refuses a key that others may read
  }
  return { ssl: 'on', ssl_cert_file: `'server.pem'`, ssl_key_file: `'server.key'` };
}

/** Copies a running cluster as pg_basebackup does, which the development packages do not have. */
async function copyCluster(primary: pg.Pool, from: string, to: string, followed: string): Promise<void> {
  const client = await primary.connect();
  try {
    await client.query(`SELECT pg_backup_start('standby', true)`);
    await run('cp', ['-a', from, to]);
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    const { uid, gid } = await stat(from);
    const { hostname, port, username, password } = new URL(followed);
    const files = {
      backup_label: rows[0]?.labelfile ?? '',
      'standby.signal': '',
      'postgresql.auto.conf': `primary_conninfo = 'host=${hostname} port=${port} user=${username} password=${password}'\n`,
    };
    await rm(join(to, 'postmaster.pid'));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(to, name), text);
      await chown(join(to, name), uid, gid);
    }
  } finally {
    client.release();
  }
}

async function follow(primary: pg.Pool, dataDir: string, primaryUrl: string): Promise<ManagedPostgres> {
  const home = await newHome();
  await copyFile(join(dataDir, 'postgres-password'), join(home, 'postgres-password'));
  const cluster = await clusterOf(home);
  await copyCluster(primary, await clusterOf(dataDir), cluster, primaryUrl);
  const server = await startPostgres({ dataDir: home, durable: false, say: () => {} });
  onCleanup(server.stop);
  const standby = managed(server, home);
  await waitFor('the standby streams', async () => {
    const { rows } = await primary.query(`SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'`);
    return rows.length > 0;
  });
  return standby;
}

function managed({ url }: EmbeddedServer, dataDir: string): ManagedPostgres {
  const pool = openPool(url);
  const query: ManagedPostgres['query'] = async (sql, values) => (await pool.query(sql, [...(values ?? [])])).rows;
  const database = (name: string): TestDatabase => {
    const own = new URL(url);
    own.pathname = `/${name}`;
    const ownPool = openPool(own.href);
    return {
      url: own.href,
      name,
      drop: async () => {},
      query: async (sql, values) => (await ownPool.query(sql, [...(values ?? [])])).rows,
    };
  };
  return {
    query,
    database,
    createDatabase: async (name = `managed_${randomBytes(6).toString('hex')}`, isMigrated = true) => {
      await query(`CREATE DATABASE ${name}`);
      const made = database(name);
      if (isMigrated) await migrate(made.url, MIGRATIONS);
      return made;
    },
    configure: async (settings) => {
      for (const statement of alter(settings)) await query(statement);
      const [before] = await query<{ at: string }>('SELECT pg_conf_load_time()::text AS at');
      await query('SELECT pg_reload_conf()');
      // A session that begins after it has the new time, and all others were told before that.
      await waitFor('the settings are loaded', async () => {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        const { rows } = await client.query<{ at: string }>('SELECT pg_conf_load_time()::text AS at');
        await client.end();
        return rows[0]?.at !== before?.at;
      });
    },
    startStandby: () => follow(pool, dataDir, url),
  };
}

/** Starts one with these settings, also those that take a start. It is stopped at the end of the test file. */
export async function startManagedPostgres(
  settings: Settings = {},
  certificates: Certificates | null = null,
): Promise<ManagedPostgres> {
  const home = await newHome();
  const options = { dataDir: home, durable: false, say: () => {} };
  const first = await startPostgres(options);
  const tls = certificates === null ? {} : await giveCertificate(await clusterOf(home), certificates);
  const client = new pg.Client({ connectionString: first.url });
  await client.connect();
  for (const statement of alter({ ...tls, ...settings })) await client.query(statement);
  await client.end();
  await first.stop();
  const server = await startPostgres(options);
  onCleanup(server.stop);
  return managed(server, home);
}
