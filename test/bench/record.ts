import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { pino } from 'pino';
import { makeDeps } from '../../src/deps.ts';
import { buildListeners } from '../../src/http/server/listeners.ts';
import { readConfig } from '../../src/platform/config.ts';
import { TEST_PREFIX } from '../harness/prefix.ts';
import { SECRET } from '../harness/stage/instances.ts';
import type { Call } from './calls.ts';

/** A statement as the driver was given it. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Which round trip it belongs to: statements that are sent before an answer has come travel together. */
  readonly flight: number;
}

type Query = (config: string | pg.QueryConfig, values?: unknown[]) => unknown;

/** Writes down what goes over a connection, from now on. */
function listen(target: { query: unknown }, statements: Statement[]): void {
  const query = (target.query as Query).bind(target);
  let flight = 0;
  let unanswered = 0;
  const onAnswer = () => {
    unanswered -= 1;
  };
  target.query = (...args: Parameters<Query>) => {
    const [config, values] = args;
    const text = typeof config === 'string' ? config : config.text;
    if (unanswered === 0) flight += 1;
    statements.push({ text, values: values ?? (typeof config === 'string' ? [] : (config.values ?? [])), flight });
    const answer = query(...args);
    // A pool's own query is given a callback instead.
    if (answer instanceof Promise) {
      unanswered += 1;
      answer.then(onAnswer, onAnswer);
    }
    return answer;
  };
}

/** The statements of one call, in the order in which they are sent: those of a process with the service's own settings. */
export async function statementsOf(
  servers: { readonly databaseUrl: string; readonly redisUrl: string },
  call: Call,
): Promise<Statement[]> {
  const { databaseUrl, redisUrl } = servers;
  const config = readConfig({
    DATABASE_URL: databaseUrl,
    REDIS_URL: redisUrl,
    AUTH_SECRET: SECRET,
    ROLE: 'api',
    RATE_LIMIT_PER_MINUTE: '0',
    DATABASE_POOL_SIZE: '1',
  });
  const deps = makeDeps(
    config,
    { databaseUrl, redisUrl, authSecret: SECRET, webhookKeys: null, queuePrefix: TEST_PREFIX },
    pino({ level: 'silent' }),
  );
  const { main: app }: { main: FastifyInstance } = await buildListeners(deps.app, { role: 'api', hasOpsPort: false });
  const statements: Statement[] = [];
  const { pool } = deps.write.db;
  pool.on('connect', (client) => listen(client, statements));
  try {
    await app.ready();
    const { method, path, token, body, key } = call;
    const answer = await app.inject({
      method,
      url: path,
      headers: { authorization: `Bearer ${token}`, ...(key !== undefined && { 'idempotency-key': key }) },
      ...(body !== undefined && { payload: body as object }),
    });
    if (answer.statusCode >= 400) throw new Error(`${path} was answered ${answer.statusCode} ${answer.body}`);
    return statements;
  } finally {
    await app.close();
    await deps.close();
  }
}
