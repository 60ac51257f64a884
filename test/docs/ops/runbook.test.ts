import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { mintToken } from '../../../src/dev/development.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { seedDispute } from '../../harness/seed.ts';
import { serviceDirectory } from '../../harness/servers.ts';
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

describe('the commands of a page run', () => {
  let service: Service;
  let env: NodeJS.ProcessEnv;
  let postgres: pg.Client;
  let redis: Redis;

  beforeAll(async () => {
    service = await startService({ role: 'all' });
    const { orderId } = await seedDispute(service, 'cancellation');
    const OPS_TOKEN = await mintToken(TEST_SECRET, { sub: 'an-operator', scope: 'ops disputes:read' });
    const OPS = await service.listen();
    env = {
      ...{ PATH: process.env['PATH'], OPS, OPS_TOKEN, ORDER: orderId },
      ...{ RESOLUTION_CENTER_URL: OPS, RESOLUTION_CENTER_TOKEN: OPS_TOKEN },
      COMMAND_LINE: join(serviceDirectory(), 'dist/cli/ops.js'),
    };
    postgres = new pg.Client({ connectionString: service.database.url });
    await postgres.connect();
    // What one looks at is left as it is.
    await postgres.query('SET default_transaction_read_only = on');
    redis = new Redis(service.redisUrl);
    onCleanup(async () => {
      redis.disconnect();
      await postgres.end();
    });
  });

  test('the fields by which a page picks lines of the log are those of a line', async () => {
    await service.withAuthorization('Bearer no-token').get('/v1/disputes');
    const lines = service.log.lines().map((line) => new Set(Object.keys(line)));
    const picks = [...pages].flatMap(([path, text]) =>
      [...text.matchAll(/jq -c 'select\(([^)]*)\) \| \{([^}]*)\}'/g)].map(([, condition = '', shown = '']) => ({
        path,
        fields: `${condition} ${shown}`.match(/\b(?!and\b)\w+/g) ?? [],
      })),
    );
    expect(picks.length).toBeGreaterThan(1);
    expect(picks.filter(({ fields }) => !lines.some((line) => fields.every((field) => line.has(field))))).toEqual([]);
  });

  const programs: Readonly<Record<string, (code: string) => Promise<unknown>>> = {
    sh: (code) =>
      run('bash', ['--norc', '-euo', 'pipefail', '-c', `ops() { node "$COMMAND_LINE" "$@"; }\n${code}`], { env }),
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
