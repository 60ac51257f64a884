import { spawn } from 'node:child_process';
import { connect } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../../src/dev/embedded/processes.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { createDatabase } from '../../harness/database.ts';
import { runProgram, startProcess } from '../../harness/process.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { testEnvironment } from '../../harness/service.ts';
import { hasProgram } from '../../harness/stage/programs.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { runMainFlow } from './flow.ts';
import { type Certificates, makeCertificates } from './servers/certificates.ts';
import { hasPgBouncer, startPgBouncer } from './servers/pgbouncer.ts';
import { startManagedPostgres } from './servers/postgres-server.ts';

/** A Redis that listens for TLS alone; says where. */
async function startTlsRedis({ authority, certificate, key }: Certificates): Promise<string> {
  const port = await freePort();
  const tls = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file'];
  const rest = ['--port', '0', '--tls-auth-clients', 'no', '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', [...tls, authority, ...rest, '--maxmemory-policy', 'noeviction'], {
    stdio: 'ignore',
  });
  onCleanup(async () => void child.kill('SIGKILL'));
  const shakesHands = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('secureConnect', () => socket.destroy());
    });
  await waitFor('Redis speaks TLS', shakesHands);
  return `rediss://localhost:${port}`;
}

// A skipped test says why: without these programs (Debian: redis-server, pgbouncer, openssl) there is no server to talk to.
const secured = hasProgram('redis-server') && hasProgram('openssl') && hasPgBouncer ? describe : describe.skip;

secured('over TLS to both servers (needs redis-server, pgbouncer and openssl)', () => {
  test('the main flow goes as without it, and servers with an untrusted certificate are refused', async () => {
    const certificates = await makeCertificates();
    const database = await createDatabase();
    const databaseUrl = `${await startPgBouncer(database, 5, certificates)}?sslmode=verify-full`;
    const redisUrl = await startTlsRedis(certificates);
    const env = { WINDOW_CANCELLATION: 'PT2S', REMINDERS: 'none', NODE_EXTRA_CA_CERTS: certificates.authority };
    const service = await startProcess({ env, database, databaseUrl, redisUrl });
    const { accepted, cancelled, events } = await runMainFlow(service);
    expect([accepted.resolution, cancelled.status, events]).toEqual(['accepted', 'mutually_cancelled', 4]);
    await waitFor('a job was taken', async () =>
      /^deadline_jobs_total\{outcome="\w+"\} [1-9]/m.test(await (await fetch(`${service.url}/metrics`)).text()),
    );

    const stranger = runProgram('main.js', [], { env: testEnvironment(databaseUrl, redisUrl) });
    expect((await stranger.exited).code).toBe(1);
    expect(stranger.stderr()).toMatch(/certificate/);
  });
});

const withOpenssl = hasProgram('openssl') ? describe : describe.skip;

withOpenssl('a start over TLS that cannot be (needs openssl)', () => {
  let secured: URL;
  let authority: string;
  beforeAll(async () => {
    const certificates = await makeCertificates();
    authority = certificates.authority;
    secured = new URL((await (await startManagedPostgres({}, certificates)).createDatabase()).url);
    secured.hostname = 'localhost';
  });

  /** All that a start says on stderr, with `+` for each host and port. */
  const told = async (databaseUrl: URL, query: string, env: Record<string, string> = {}) => {
    const url = new URL(databaseUrl);
    url.search = query;
    const redisUrl = await testRedisUrl();
    const running = runProgram('main.js', [], { env: { ...testEnvironment(url.href, redisUrl), ...env } });
    expect((await running.exited).code).toBe(1);
    return running.stderr().replaceAll(/[\w.]+:\d{4,5}/g, '+');
  };

  test.each(['require', 'prefer', 'verify-ca', 'verify-full'])(
    'names the CA that is missing, with sslmode=%s',
    async (mode) => {
      expect(await told(secured, `sslmode=${mode}`)).toBe(
        'The service could not start: the certificate of + is not accepted (unable to verify the first certificate): ' +
          'name the file of its CA by NODE_EXTRA_CA_CERTS (sslmode=require checks it, too; sslmode=no-verify does not)\n',
      );
    },
  );

  test('names the certificate that is for another host', async () => {
    const elsewhere = await makeCertificates('DNS:elsewhere.example');
    const server = await startManagedPostgres({}, elsewhere);
    const url = new URL((await server.createDatabase()).url);
    expect(await told(url, 'sslmode=require', { NODE_EXTRA_CA_CERTS: elsewhere.authority })).toMatch(
      /^The service could not start: the certificate of \+ is not accepted \(.*\): use a name that the certificate has in DATABASE_URL\n$/,
    );
  });

  test('names the file that is missing', async () => {
    expect(await told(secured, 'sslmode=verify-full&sslrootcert=/missing.pem')).toBe(
      "The service could not start: correct the file that DATABASE_URL names (sslrootcert, sslcert or sslkey) (ENOENT: no such file or directory, open '/missing.pem')\n",
    );
  });

  test('names a server that has no TLS', async () => {
    const plain = new URL((await createDatabase()).url);
    expect(await told(plain, 'sslmode=require')).toBe(
      'The service could not start: DATABASE_URL asks for TLS (sslmode), which + does not have: turn ssl on there, or leave sslmode out (The server does not support SSL connections)\n',
    );
  });

  test('is one once the URL names the CA', async () => {
    const url = new URL(secured);
    url.search = `sslmode=require&sslrootcert=${authority}`;
    const service = await startProcess({ databaseUrl: url.href });
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    expect((await service.stop()).code).toBe(0);
    expect(service.stderr()).toBe('');
  });
});
