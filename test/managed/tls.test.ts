import { spawn } from 'node:child_process';
import { connect } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { freePort } from '../../src/platform/embedded/processes.ts';
import { hasProgram } from '../faults/programs.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { createDatabase } from '../harness/database.ts';
import { runProgram, startProcess } from '../harness/process.ts';
import { testEnvironment } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { runMainFlow } from './flow.ts';
import { hasPgBouncer, startPgBouncer } from './pgbouncer.ts';

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
  test('the main flow goes as without it, and servers that nobody vouches for are not talked to', async () => {
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
