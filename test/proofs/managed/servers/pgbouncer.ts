import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../../../src/dev/embedded/processes.ts';
import { onCleanup } from '../../../harness/cleanup.ts';
import type { TestDatabase } from '../../../harness/database.ts';
import { waitFor } from '../../../harness/wait-for.ts';
import type { Certificates } from './certificates.ts';

const PROGRAM = '/usr/sbin/pgbouncer';

/** Whether this machine has PgBouncer: Debian's package pgbouncer. */
export const hasPgBouncer = existsSync(PROGRAM);

const tlsSettings = ({ certificate, key }: Certificates) =>
  `client_tls_sslmode = require\nclient_tls_key_file = ${key}\nclient_tls_cert_file = ${certificate}\n`;

/**
 * Puts a PgBouncer in front of a database, in transaction mode and with few connections; says where it is.
 * @param certificates refuses connections without TLS
 */
export async function startPgBouncer(
  { url }: TestDatabase,
  poolSize: number,
  certificates?: Certificates,
): Promise<string> {
  const server = new URL(url);
  const name = server.pathname.slice(1);
  const port = await freePort();
  const home = await mkdtemp(join(tmpdir(), 'resolution-center-pgbouncer-'));
  const file = join(home, 'pgbouncer.ini');
  await writeFile(
    file,
    `[databases]
${name} = host=${server.hostname} port=${server.port} dbname=${name} user=${server.username} password=${decodeURIComponent(server.password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 200
${certificates === undefined ? '' : tlsSettings(certificates)}`,
  );
  await chmod(home, 0o755);
  // It refuses to run as root, and changes its account itself.
  const account = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn(PROGRAM, ['-q', ...account, file], { stdio: 'ignore' });
  onCleanup(async () => {
    child.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
  });
  const pooled = `postgres://somebody@127.0.0.1:${port}/${name}`;
  await waitFor('PgBouncer answers', async () => {
    const client = new pg.Client({
      connectionString: pooled,
      ssl: certificates !== undefined && { rejectUnauthorized: false },
    });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('SELECT 1');
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => {});
    }
  });
  return pooled;
}
