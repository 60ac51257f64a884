import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { onCleanup } from '../harness/cleanup.ts';
import { TEST_SECRET } from '../harness/client.ts';
import { runProgram, type ServiceProcess, startProcess } from '../harness/process.ts';
import { seedDispute } from '../harness/seed.ts';
import { serviceDirectory } from '../harness/servers.ts';

const run = promisify(execFile);

let service: ServiceProcess;
let env: Record<string, string>;
beforeAll(async () => {
  service = await startProcess({ role: 'all' });
  env = { RESOLUTION_CENTER_URL: service.url, AUTH_SECRET: TEST_SECRET, DATABASE_URL: service.database.url };
});

/** Runs one command of the built command line, and returns what it wrote to stdout. */
async function command(...argv: readonly string[]): Promise<string> {
  const running = runProgram('cli/ops.js', argv, { env });
  const { code } = await running.exited;
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${running.stderr()}`);
  return running.stdout();
}

describe('the built command line works against the built service', () => {
  test('for disputes, deadlines and figures', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    expect(JSON.parse(await command('dispute', 'show', id, '--json'))).toMatchObject({ dispute: { id } });
    expect(await command('deadlines', '--state', 'pending')).toContain(id);
    expect(await command('reconcile')).toMatch(/\w/);
    expect(await command('stats', '--csv')).toMatch(/^row,key,.*\r\ntype,cancellation,/);
    expect(await command('webhooks', 'list')).toBeDefined();
  });

  test('for holds', async () => {
    const { id } = JSON.parse(await command('hold', 'begin', '--note', 'Mail is down.', '--json')) as { id: string };
    expect(await command('hold', 'list')).toContain(id);
    expect(await command('hold', 'release', id)).toMatch(/\w/);
  });

  test('for what needs no service', async () => {
    const token = (await command('token', '--sub', 'support', '--scope', 'disputes:read')).trim();
    expect((await service.withAuthorization(`Bearer ${token}`).get('/v1/disputes')).status).toBe(200);
    expect(await command('migrate')).toBe('nothing to migrate\n');
    expect(await command('check-config')).toContain('DATABASE_URL');
  });

  test('by the name that package.json gives it, wherever a link to it lies', async () => {
    const home = serviceDirectory();
    const { bin, version } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as {
      bin: { 'resolution-center': string };
      version: string;
    };
    const directory = await mkdtemp(join(tmpdir(), 'bin-'));
    onCleanup(() => rm(directory, { recursive: true }));
    const link = join(directory, 'resolution-center');
    await symlink(join(home, bin['resolution-center']), link);
    expect((await run(link, ['--version'])).stdout).toBe(`${version}\n`);
    // It finds the migrations from the place of the file, and not of the link.
    const migrated = await run(link, ['migrate'], { cwd: '/', env: { PATH: process.env['PATH'], ...env } });
    expect(migrated.stdout).toBe('nothing to migrate\n');
  });
});
