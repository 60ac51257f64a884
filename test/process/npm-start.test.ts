import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { processIdentity } from '../../src/platform/embedded/processes.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { createDatabase } from '../harness/database.ts';
import { testRedisUrl } from '../harness/redis.ts';
import { testEnvironment } from '../harness/service.ts';
import { waitFor } from '../harness/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');

const isAlive = (pid: number): boolean => processIdentity(pid) !== undefined;

test('npm start hands a signal on to the service, which stops in order and leaves nothing behind', async () => {
  const { url } = await createDatabase();
  const env = { ...process.env, ...testEnvironment(url, await testRedisUrl()), LOG_LEVEL: 'info', PORT: '0' };
  const npm = spawn('npm', ['start'], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  npm.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  const service = (): number => Number(/"pid":(\d+)/.exec(output)?.[1]);
  onCleanup(async () => {
    if (isAlive(service())) process.kill(service(), 'SIGKILL');
  });
  await waitFor('it serves', () => output.includes('listens on'), 60_000);
  const exited = once(npm, 'close');
  npm.kill('SIGTERM');
  await exited;
  expect(output).toContain('"msg":"stopped"');
  expect(isAlive(service())).toBe(false);
}, 90_000);
