import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { mintToken } from '../../../src/dev/development.ts';
import { SECRET } from '../../harness/stage/instances.ts';
import { type Call, callFor } from '../calls.ts';
import type { BenchOptions } from '../options.ts';
import { RECORDED_DISPUTE } from '../pgbench.ts';
import { type Statement, statementsOf } from '../record.ts';
import { alternate, type Row } from '../row.ts';
import { CLIENT, RECORDED_ROW, rowsNamed, seedOpen, settleDown } from '../seed.ts';
import type { BenchStage } from '../stage.ts';

const CONNECTIONS = 32;
const WARM_UP_MS = 2_000;
const DISPUTES = 5_000;
const FAR = `date_trunc('milliseconds', clock_timestamp()) + interval '2 days' + random() * interval '1 hour'`;

async function startBare(url: string, { text, values }: Statement): Promise<{ url: string; child: ChildProcess }> {
  const env = {
    ...process.env,
    DATABASE_URL: url,
    STATEMENT_TEXT: text,
    STATEMENT_VALUES: JSON.stringify(values),
    ADDRESSED: RECORDED_DISPUTE,
  };
  const child = fork(join(import.meta.dirname, 'bare.mjs'), { env, execArgv: [] });
  const [address] = (await once(child, 'message')) as [string];
  return { url: address, child };
}

/** Reads one dispute, and a page of them, beside a bare route with the query that does the reading. */
export async function measureReads(stage: BenchStage, { rounds, seconds }: BenchOptions): Promise<Row[]> {
  const database = await stage.newDatabase();
  const { admin, url } = database;
  await seedOpen(admin, RECORDED_ROW, FAR);
  await seedOpen(admin, rowsNamed('bench-read-', DISPUTES), FAR);
  await settleDown(admin);
  const token = await mintToken(SECRET, { sub: CLIENT });
  const { rows } = await admin.query<{ id: string }>('SELECT id FROM disputes ORDER BY random()');
  const { instance, stop } = await stage.start(database, 'api');
  const options = { connections: CONNECTIONS, warmUpMs: WARM_UP_MS, forMs: seconds * 1_000 };
  let turn = 0;
  const nextId = () => {
    turn += 1;
    return rows[turn % rows.length]?.id;
  };

  const beside = async (ours: () => Call, recorded: Call, theirs: () => Call) => {
    const statements = await statementsOf({ databaseUrl: url, redisUrl: stage.redisUrl }, recorded);
    const [statement] = statements.toSorted((one, other) => other.text.length - one.text.length);
    if (statement === undefined) throw new Error('nothing was read');
    const bare = await startBare(url, statement);
    const measured = await alternate(
      rounds,
      async () => (await callFor(instance.url, ours, options)).perSecond,
      async () => (await callFor(bare.url, theirs, options)).perSecond,
    );
    bare.child.kill('SIGKILL');
    return { ...measured, more: { 'statements of ours': statements.length } };
  };

  const one = await beside(
    () => ({ method: 'GET', path: `/v1/disputes/${nextId()}`, token }),
    { method: 'GET', path: `/v1/disputes/${RECORDED_DISPUTE}`, token },
    () => ({ method: 'GET', path: `/disputes/${nextId()}` }),
  );
  const page = { method: 'GET', path: '/v1/disputes?limit=20', token } as const;
  const pages = await beside(
    () => page,
    page,
    () => ({ method: 'GET', path: '/disputes' }),
  );
  await stop();
  await database.drop();
  const against = 'a bare Fastify route, the query of it, no validation';
  const common = { against, unit: 'per second' } as const;
  return [
    { name: 'read', what: `read one dispute, ${CONNECTIONS} connections`, ...common, reach: { atLeast: 1 }, ...one },
    {
      name: 'page',
      what: `read a page of 20, ${CONNECTIONS} connections`,
      ...common,
      reach: { atLeast: 0.8 },
      ...pages,
    },
  ];
}
