import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { MIGRATIONS, migrate } from '../../../src/platform/postgres/migrations.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { testRedisUrl } from '../../harness/redis.ts';
import { createRoleDatabase } from '../../harness/roles.ts';
import { serviceDirectory } from '../../harness/run/servers.ts';
import { seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import { commandsOf, readAlerts, readRunbook } from './files.ts';

const run = promisify(execFile);
const pages = readRunbook();
const alerts = readAlerts();
const INDEX = 'docs/runbook/README.md';
/** Pages for what no alert tells of, by their heading. */
const WITHOUT_ALERT = [
  [INDEX, 'Runbook'],
  ['docs/runbook/a-customer-asks-why.md', 'A customer asks why'],
] as const;

test('each alert has a page of its name, and each other page is one of those without an alert', () => {
  const headings = new Map([...pages].map(([path, text]) => [path, /^# (.+)\n/.exec(text)?.[1]]));
  const wanted = new Map(alerts.map(({ alert, annotations }) => [annotations.runbook_url, alert] as const));
  expect(headings).toEqual(new Map<string, string>([...wanted, ...WITHOUT_ALERT]));
});

test('each page says what it means, what to look at and what to do', () => {
  for (const [path, text] of pages) {
    if (path === INDEX) continue;
    const parts = [...text.matchAll(/^\*\*(Means|Look at|Do)\*\*/gm)].map(([, part]) => part);
    expect([path, parts]).toEqual([path, ['Means', 'Look at', 'Do']]);
  }
});

test('every link of a page leads to a page', () => {
  const links = [...pages].flatMap(([path, text]) =>
    [...text.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, name]) => ({ path, to: `docs/runbook/${name}` })),
  );
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter(({ to }) => !pages.has(to))).toEqual([]);
});

test('no block that can be pasted holds or deletes everything', () => {
  const blocks = [...pages].flatMap(([path, text]) => commandsOf(text).map(({ code }) => ({ path, code })));
  const isForAll =
    /hold begin(?!.*--(order|type))|POST.*\/v1\/ops\/holds|\b(FLUSH\w*|TRUNCATE|DROP|DELETE|obliterate)\b/;
  expect(blocks.filter(({ code }) => isForAll.test(code))).toEqual([]);
});

/** A function of the shell that the first page defines, by its name. */
const functionOf = (name: string): string =>
  new RegExp(`^${name}\\(\\) \\{.*\\}`, 'm').exec(pages.get(INDEX) ?? '')?.[0] ?? '';

const PRELUDE = ['ops', 'metrics'].map(functionOf).join('\n');

/** A directory with the configuration of the service, as a host has it. */
async function configOf(databaseUrl: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'runbook-'));
  onCleanup(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'common.env'), `DATABASE_URL=${databaseUrl}\n`);
  return directory;
}

/** The address of a test's Redis for a user who has a password. */
async function withPassword(redisUrl: string): Promise<string> {
  const user = `runbook-${randomUUID()}`;
  const admin = new Redis(redisUrl);
  await admin.call('ACL', 'SETUSER', user, 'on', '>a-password', '~*', '&*', '+@all');
  onCleanup(async () => {
    await admin.call('ACL', 'DELUSER', user);
    admin.disconnect();
  });
  const url = new URL(redisUrl);
  [url.username, url.password] = [user, 'a-password'];
  return url.href;
}

describe('the commands of a page run, with api and worker apart, passwords everywhere, and the rights of an operator', () => {
  let service: Service;
  let worker: Service;
  let env: NodeJS.ProcessEnv;
  let postgres: pg.Client;
  let redis: Redis;

  beforeAll(async () => {
    const database = await createRoleDatabase();
    await migrate(database.urlOf('migrate'), MIGRATIONS);
    const redisUrl = await withPassword(await testRedisUrl());
    const shared = { database, databaseUrl: database.urlOf('app'), redisUrl, env: { OPS_PORT: '0' } };
    service = await startService({ ...shared, role: 'api' });
    worker = await startService({ ...shared, role: 'worker' });
    const { orderId } = await seedDispute(service, 'cancellation');
    const OPS_TOKEN = await mintToken(TEST_SECRET, { sub: 'an-operator', scope: 'ops disputes:read' });
    const [OPS = '', WORKER = ''] = await Promise.all(
      [service, worker].map(async ({ ops }) => await ops?.listen({ host: '127.0.0.1', port: 0 })),
    );
    env = {
      ...{ PATH: process.env['PATH'], OPS, WORKER, OPS_TOKEN, ORDER: orderId },
      ...{ RESOLUTION_CENTER_URL: OPS, RESOLUTION_CENTER_TOKEN: OPS_TOKEN },
      ...{
        APP: serviceDirectory(),
        CONFIG: await configOf(database.urlOf('app')),
        DATABASE_URL: database.urlOf('operator'),
      },
    };
    postgres = new pg.Client({ connectionString: database.urlOf('operator') });
    await postgres.connect();
    // What one looks at is left as it is.
    await postgres.query('SET default_transaction_read_only = on');
    redis = new Redis(redisUrl);
    onCleanup(async () => {
      redis.disconnect();
      await postgres.end();
    });
  });

  test('the command line takes the role of the service, and not that of the operator who looks at the database', async () => {
    const command =
      'ops hold begin --database --type order_update --note "The mail bounces." && ops hold list --database';
    const { stdout } = await run('bash', ['--norc', '-c', `${PRELUDE}\n${command}`], { env });
    expect(stdout).toContain('The mail bounces.');
  });

  test('the fields by which a page picks lines of the log are those of a line', async () => {
    await service.withAuthorization('Bearer no-token').get('/v1/disputes');
    const lines = [service, worker].flatMap(({ log }) => log.lines()).map((line) => new Set(Object.keys(line)));
    const picks = [...pages].flatMap(([path, text]) =>
      [...text.matchAll(/jq -c 'select\(([^)]*)\) \| \{([^}]*)\}'/g)].map(([, condition = '', shown = '']) => ({
        path,
        fields: `${condition} ${shown}`.match(/\b(?!and\b)\w+/g) ?? [],
      })),
    );
    expect(picks.length).toBeGreaterThan(1);
    expect(picks.filter(({ fields }) => !lines.some((line) => fields.every((field) => line.has(field))))).toEqual([]);
  });

  test('each metric that a page picks is told by the api or by the worker', async () => {
    const addresses = [env['OPS'], env['WORKER']];
    const told = (await Promise.all(addresses.map(async (at) => (await fetch(`${at}/metrics`)).text()))).join('\n');
    // Some begin with the first event that they count: their description is there.
    const names = told.split('\n').map((line) => line.replace(/^# (HELP|TYPE) /, ''));
    const picks = [...pages].flatMap(([path, text]) =>
      [...text.matchAll(/metrics \| grep -E '([^']+)'/g)].flatMap(([, pattern = '']) =>
        pattern
          .replace(/^\^?\(?|\)$/g, '')
          .split('|')
          .map((name) => ({ path, name })),
      ),
    );
    expect(picks.length).toBeGreaterThan(30);
    expect(picks.filter(({ name }) => !names.some((line) => line.startsWith(name)))).toEqual([]);
  });

  const programs: Readonly<Record<string, (code: string) => Promise<unknown>>> = {
    sh: (code) =>
      run(
        'bash',
        [
          '--norc',
          '-euo',
          'pipefail',
          '-c',
          `${PRELUDE}
${code}`,
        ],
        { env },
      ),
    sql: (code) => postgres.query(code),
    redis: async (code) => {
      for (const line of code.trim().split('\n')) {
        const [command = '', ...args] = line.split(' ');
        await redis.call(command, ...args);
      }
    },
  };

  test.each([...pages])('%s', async (_path, text) => {
    const commands = commandsOf(text);
    expect(commands.length).toBeGreaterThan(0);
    for (const { language, code } of commands) await programs[language]?.(code);
  });
});
