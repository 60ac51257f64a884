import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../src/dev/embedded/processes.ts';
import { onCleanup } from '../harness/cleanup.ts';
import { TEST_SECRET } from '../harness/client.ts';
import { runCommand, startProcess } from '../harness/process.ts';
import { waitFor } from '../harness/wait-for.ts';
import { blocks, section } from './readme.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const RECEIVER_PORT = '9400';

test('the receiver of docs/webhooks.md gets what the page says, from the built service', async () => {
  const service = await startProcess({ env: { WEBHOOK_ALLOW_INSECURE: 'true' } });
  const parts = blocks(section('In five minutes', 'docs/webhooks.md'));
  const commands = parts.filter(({ language }) => language === 'sh').map(({ code }) => code);
  const [, promised = ''] = parts.filter(({ language }) => language === 'text').map(({ code }) => code);
  const script = commands
    .join('')
    .replace('http://127.0.0.1:3000', service.url)
    .replaceAll(RECEIVER_PORT, String(await freePort()));
  // The shell waits for the receiver, and ends it with itself.
  const lines = ['set -euo pipefail', 'trap \'kill "$!"\' TERM', script, 'wait'];
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, AUTH_SECRET: TEST_SECRET };
  const running = runCommand(CHECKOUT, ['bash', '--norc', '-c', lines.join('\n')], env);
  onCleanup(async () => {
    running.child.kill('SIGTERM');
    await running.exited;
  });
  await waitFor('the receiver has printed all', () => {
    if (running.child.exitCode !== null) throw new Error(`the commands failed: ${running.stderr()}`);
    return running.stdout().length >= promised.length;
  });
  expect(running.stdout()).toBe(promised);
});
