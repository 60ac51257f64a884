import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { number, readOptions } from '../../harness/run/options.ts';
import { fuzz } from './run.ts';
import { faultsOf, textOf } from './verdict.ts';

const options = readOptions('test:fuzz', 'Sends requests made by chance and looks at each answer.', {
  seed: number(Math.floor(Math.random() * 1_000_000), 'which requests; chosen by chance if it is not given'),
  requests: number(100_000, 'how many'),
});

await setUp();
try {
  const result = await fuzz(options.seed, options.requests, console.log);
  console.log(`seed ${options.seed}\n${textOf(result)}`);
  for (const fault of faultsOf(result)) {
    console.log(`BREACH ${fault}`);
    process.exitCode = 1;
  }
} finally {
  await runCleanups();
  await globalThis.testRun?.stop();
}
