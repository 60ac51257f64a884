import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import pg from 'pg';
import { mintToken } from '../../../src/dev/development.ts';
import { commandsOf, readRunbook } from '../../docs/ops/files.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import { serviceDirectory } from '../../harness/run/servers.ts';
import type { Deployment } from './deployment.ts';

const run = promisify(execFile);
const LINES_SHOWN = 6;
const WIDTH = 180;

export type Say = (line: string) => void;

/** An operator at a terminal, who has the runbook and the rights of `resolution_center_operator`. */
export interface Operator {
  /** Runs the blocks of a page that are chosen; at least one must be. */
  readonly follow: (page: string, isChosen: (code: string, language: string) => boolean) => Promise<void>;
  /** Runs the line of a page's `text` blocks that matches, with these words put in. */
  readonly runLine: (page: string, line: RegExp, words?: Readonly<Record<string, string>>) => Promise<string>;
}

function shorten(output: string): string[] {
  const lines = output.trimEnd().split('\n');
  const shown = lines.slice(0, LINES_SHOWN).map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH)}…` : line));
  return lines.length > LINES_SHOWN ? [...shown, `… ${lines.length - LINES_SHOWN} lines more`] : shown;
}

/** Makes one for a deployment. What is run is said with its output. */
export async function createOperator({ api, worker, urlOf, redisUrl }: Deployment, say: Say): Promise<Operator> {
  const pages = readRunbook();
  const textOf = (page: string): string => pages.get(`docs/runbook/${page}.md`) ?? '';
  const metrics = /^metrics\(\) \{.*\}/m.exec(textOf('README'))?.[0] ?? '';
  const ops = 'ops() { node "$COMMAND_LINE" "$@"; }';
  const OPS_TOKEN = await mintToken(TEST_SECRET, { sub: 'an-operator', scope: 'ops disputes:read' });
  const env = {
    ...{ PATH: process.env['PATH'], OPS: api.ops, WORKER: worker.ops, OPS_TOKEN },
    ...{ RESOLUTION_CENTER_URL: api.ops, RESOLUTION_CENTER_TOKEN: OPS_TOKEN, DATABASE_URL: urlOf('app') },
    COMMAND_LINE: join(serviceDirectory(), 'dist/cli/ops.js'),
  };
  const shell = async (code: string): Promise<string> =>
    (await run('bash', ['--norc', '-c', `${ops}\n${metrics}\n${code}`], { env })).stdout;
  const sql = async (code: string): Promise<string> => {
    const client = new pg.Client({ connectionString: urlOf('operator') });
    await client.connect();
    try {
      const results = [await client.query(code)].flat();
      return results.flatMap(({ rows }) => rows.map((row: unknown) => JSON.stringify(row))).join('\n');
    } finally {
      await client.end();
    }
  };
  const redis = async (code: string): Promise<string> => {
    const client = new Redis(redisUrl, { maxRetriesPerRequest: 1 });
    client.on('error', () => {});
    try {
      const answers: unknown[] = [];
      for (const line of code.trim().split('\n')) {
        const [command = '', ...args] = line.split(' ');
        answers.push(await client.call(command, ...args));
      }
      return answers.map(String).join('\n');
    } finally {
      client.disconnect();
    }
  };
  const programs: Readonly<Record<string, (code: string) => Promise<string>>> = { sh: shell, sql, redis };
  const show = async (language: string, code: string): Promise<string> => {
    for (const line of code.trimEnd().split('\n')) say(`  ${language === 'sh' ? '$' : `${language}>`} ${line}`);
    const output = (await programs[language]?.(code)) ?? '';
    for (const line of shorten(output)) say(`    ${line}`);
    return output;
  };
  return {
    follow: async (page, isChosen) => {
      const chosen = commandsOf(textOf(page)).filter(({ language, code }) => isChosen(code, language));
      if (chosen.length === 0) throw new Error(`docs/runbook/${page}.md has no such block`);
      for (const { language, code } of chosen) await show(language, code);
    },
    runLine: async (page, pattern, words = {}) => {
      const found = textOf(page)
        .split('\n')
        .find((line) => pattern.test(line) && !line.startsWith('|'));
      if (found === undefined) throw new Error(`docs/runbook/${page}.md has no line ${pattern}`);
      const put = Object.entries(words).reduce((line, [word, value]) => line.replace(word, value), found);
      return await show('sh', put);
    },
  };
}
