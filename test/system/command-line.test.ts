import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { onCleanup } from '../harness/cleanup.ts';
import { TEST_SECRET } from '../harness/client.ts';
import { createDatabase } from '../harness/database.ts';
import { runProgram, type ServiceProcess, startProcess } from '../harness/process.ts';
import { serviceDirectory } from '../harness/run/servers.ts';
import { seedDispute } from '../harness/seed.ts';
import { waitFor } from '../harness/wait-for.ts';

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

  test('for holds in the database alone, with no other variable', async () => {
    const { id: disputeId } = await seedDispute(service, 'cancellation');
    const since = new Date(Date.now() - 3_600_000).toISOString();
    const onDatabase = async (argv: readonly string[], url = service.database.url) => {
      const running = runProgram('cli/ops.js', ['hold', ...argv, '--database'], {
        env: { DATABASE_URL: url, NODE_ENV: 'production', AUTH_SECRET: 'wrong' },
      });
      const { code } = await running.exited;
      return { code, out: running.stdout(), err: running.stderr() };
    };
    const begun = await onDatabase([
      'begin',
      '--note',
      'PostgreSQL was away.',
      '--since',
      since,
      '--by',
      'ana',
      '--json',
    ]);
    expect(begun).toMatchObject({ code: 0, err: '' });
    const { id } = JSON.parse(begun.out) as { id: string };
    expect(JSON.parse(begun.out)).toMatchObject({ since, createdBy: 'ana', status: 'active' });
    expect((await onDatabase(['list'])).out).toContain(id);
    const { body } = await service.withScopes('disputes:read').get<{ held: unknown }>(`/v1/disputes/${disputeId}`);
    expect(body.held).not.toBeNull();
    const released = await onDatabase(['release', id, '--json']);
    expect(JSON.parse(released.out)).toMatchObject({ hold: { id } });
    // The service may be moving the deadline at this moment; then it closes the hold.
    await waitFor('the hold is closed', async () => {
      const { data } = (
        await service.withScopes('ops').get<{ data: { id: string; status: string }[] }>('/v1/ops/holds')
      ).body;
      return data.find((hold) => hold.id === id)?.status === 'released';
    });
    const early = new Date(Date.now() - 8 * 86_400_000).toISOString();
    expect(await onDatabase(['begin', '--note', 'Down.', '--since', early])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^resolution-center: --since must be [^\n]+, or later\n$/),
    });
    const other = await createDatabase();
    await other.query("INSERT INTO schema_migrations (name, checksum) VALUES ('9999_later.sql', 'x')");
    expect(await onDatabase(['list'], other.url)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^resolution-center: the database was migrated by a newer build [^\n]+\n$/),
    });
    await other.query("DELETE FROM schema_migrations WHERE name >= '0029'");
    expect(await onDatabase(['list'], other.url)).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /^resolution-center: the schema is older than this build [^\n]+: run migrate first\n$/,
      ),
    });
    expect(await onDatabase(['list'], 'postgres://x:x@127.0.0.1:1/x')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^resolution-center: [^\n]+ECONNREFUSED[^\n]*\n$/),
    });
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
