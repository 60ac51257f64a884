import { parseArgs } from 'node:util';
import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { fuzz } from './run.ts';
import { faultsOf, textOf } from './verdict.ts';

// npm run test:fuzz -- --seed N --requests M

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    requests: { type: 'string', default: '100000' },
  },
});

await setUp();
try {
  const result = await fuzz(Number(values.seed), Number(values.requests), console.log);
  console.log(`seed ${values.seed}\n${textOf(result)}`);
  for (const fault of faultsOf(result)) {
    console.log(`BREACH ${fault}`);
    process.exitCode = 1;
  }
} finally {
  await runCleanups();
  await globalThis.testRun?.stop();
}
