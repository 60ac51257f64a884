import { expect, test } from 'vitest';
import { hasProgram } from '../../harness/stage/programs.ts';
import { runDrill } from './drill.ts';
import { INCIDENTS } from './incidents.ts';
import { cancelledBySilence } from './judge.ts';

const lacking = ['promtool', 'redis-server'].filter((name) => !hasProgram(name));
const drilled = lacking.length === 0 ? test : test.skip;
const but = lacking.length === 0 ? '' : ` (not on the PATH: ${lacking.join(', ')})`;

drilled(
  `PostgreSQL away across deadlines pages an operator, and costs no respondent the time to answer${but}`,
  async () => {
    const said: string[] = [];
    const incidents = INCIDENTS.filter(({ alert }) => alert === 'PostgresAway');
    const results = await runDrill({ incidents, windowSeconds: 6, say: (line) => said.push(line) });
    expect(
      results.flatMap(({ faults }) => faults),
      said.join('\n'),
    ).toEqual([]);
    expect(results.map(({ cancelled }) => cancelled)).toEqual([2]);
  },
);

test('an order whose respondent had a service for a part of the window only is found', async () => {
  const row = { order_id: 'order-1', opened: 0, due: 20_000, resolved: 20_100 };
  // What the database answers.
  const query = async () => [row] as never;
  const reachable = async (from: number, until: number) =>
    (await cancelledBySilence({ query }, [{ from, until }]))[0]?.reachableSeconds;
  expect(await reachable(-5_000, 3_000)).toBe(17);
  expect(await reachable(15_000, 30_000)).toBe(15);
  expect(await reachable(20_000, 30_000)).toBe(20);
});
