import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runRedisGone } from './redis-gone.ts';
import { faultTable, summarize } from './report.ts';
import { type RunResult, runOnce } from './run.ts';

// npm run test:faults -- --seed N --seconds S [--seeds K] [--rate R] [--calm] [--scenario redis-gone] [--write-docs]

const DOCS = join(import.meta.dirname, '../../docs/reliability.md');

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    seeds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '90' },
    rate: { type: 'string', default: '60' },
    calm: { type: 'boolean', default: false },
    scenario: { type: 'string', default: 'faults' },
    'write-docs': { type: 'boolean', default: false },
  },
});

interface Outcome {
  readonly name: string;
  readonly text: string;
  readonly table: string;
  readonly breaches: readonly string[];
}

const tell = (breaches: readonly string[]) => breaches.map((breach) => `BREACH ${breach}\n`).join('');

async function runSeeds(): Promise<Outcome> {
  const results: RunResult[] = [];
  const first = Number(values.seed);
  for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
    const options = { seed, seconds: Number(values.seconds), rate: Number(values.rate), calm: values.calm };
    const result = await runOnce(options);
    results.push(result);
    const { text, breaches } = summarize([result], true);
    console.log(`${text}\n${tell(breaches)}`);
  }
  const { text, breaches } = summarize(results, true);
  return { name: values.calm ? 'calm' : 'faults', text, table: values.calm ? '' : faultTable(results), breaches };
}

async function runScenario(): Promise<Outcome> {
  if (values.scenario === 'faults') return await runSeeds();
  if (values.scenario !== 'redis-gone') throw new Error(`there is no scenario ${values.scenario}`);
  const outcome = await runRedisGone(Number(values.seed), Number(values.seconds));
  return { name: 'redis-gone', table: '', ...outcome };
}

function writeDocs({ name, text, table }: Outcome): void {
  const block = `\`\`\`text\n${new Date().toISOString().slice(0, 10)}\n${text}\n\`\`\`${table === '' ? '' : `\n\n${table}`}`;
  const pattern = new RegExp(`(<!-- ${name} -->\n).*?(<!-- /${name} -->)`, 's');
  const docs = readFileSync(DOCS, 'utf8');
  writeFileSync(
    DOCS,
    docs.replace(pattern, (_all, before: string, after: string) => `${before}${block}\n${after}`),
  );
}

const outcome = await runScenario();
console.log(`${outcome.text}\n\n${outcome.table}\n${tell(outcome.breaches)}`);
if (values['write-docs']) writeDocs(outcome);
process.exit(outcome.breaches.length > 0 ? 1 : 0);
