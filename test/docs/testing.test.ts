import { execFile } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { TEST_SECRET } from '../harness/client.ts';
import { type ServiceProcess, startProcess } from '../harness/process.ts';
import { SANDBOX } from '../harness/test-clocks.ts';
import { blocks, section } from './readme.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const PAGE = 'docs/testing.md';

const run = promisify(execFile);
let service: ServiceProcess;
beforeAll(async () => {
  service = await startProcess({ env: { ...SANDBOX, WEBHOOK_ALLOW_INSECURE: 'true' } });
});

const codeOf = (heading: string, language: string) =>
  blocks(section(heading, PAGE))
    .filter((block) => block.language === language)
    .map(({ code }) => code);

/** The environment of a shell in which the page's commands are run. */
function environment() {
  const { PATH = '', HOME = '' } = process.env;
  return { cwd: CHECKOUT, env: { PATH, HOME, AUTH_SECRET: TEST_SECRET, API: service.url } };
}

test('the scenario in curl prints what docs/testing.md says', async () => {
  const script = codeOf('In curl', 'sh').join('').replace('http://127.0.0.1:3000', service.url);
  const { stdout } = await run('bash', ['--norc', '-euo', 'pipefail', '-c', script], environment());
  const promised = codeOf('In curl', 'text').filter((text) => !text.startsWith('npm run'));
  expect(stdout).toBe(promised.join(''));
});

test('the scenario in TypeScript prints what docs/testing.md says', async () => {
  const [code = ''] = codeOf('In TypeScript', 'ts');
  const file = join(CHECKOUT, `scenario-${process.pid}.ts`);
  await writeFile(file, code);
  try {
    const { stdout } = await run(process.execPath, ['--import', 'tsx', file], environment());
    expect(stdout).toBe(codeOf('In TypeScript', 'text').join(''));
  } finally {
    await rm(file);
  }
});
