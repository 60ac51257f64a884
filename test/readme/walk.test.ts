import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import { TEST_SECRET } from '../harness/client.ts';
import { type Service, startService } from '../harness/service.ts';
import { blocks, section } from './readme.ts';

const run = promisify(execFile);
const DIVIDER = '--- next block ---';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

test('the walk of the README gives what it says', async () => {
  const url = await service.listen();
  const walk = blocks(section('A walk in five minutes'));
  const commands = walk.filter(({ language }) => language === 'sh').map(({ code }) => code);
  const promised = walk.filter(({ language }) => language === 'text').map(({ code }) => code);
  const script = commands.join(`\necho '${DIVIDER}'\n`).replace('http://127.0.0.1:3000', url);
  const { stdout } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    env: { PATH: process.env['PATH'], AUTH_SECRET: TEST_SECRET },
  });
  // The first block only sets variables.
  const [first, ...outputs] = stdout.split(`${DIVIDER}\n`);
  expect(first).toBe('');
  expect(outputs).toEqual(promised);
});
