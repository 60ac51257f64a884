import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { number, readOptions } from '../../harness/run/options.ts';
import { abuse } from './run.ts';

const options = readOptions(
  'test:abuse',
  'Serves callers beside thousands of idle and slow connections; needs as many open files.',
  {
    idle: number(10_000, 'connections that send nothing'),
    slow: number(1_000, 'connections that send a request byte by byte'),
    large: number(20, 'connections that send bodies as large as is accepted'),
    seconds: number(20, 'how long each part takes'),
  },
);

await setUp();
try {
  const observed = await abuse({
    idleConnections: options.idle,
    slowConnections: options.slow,
    largeConnections: options.large,
    seconds: options.seconds,
    slowSeconds: options.seconds,
    requests: 100,
    pauseMs: 10,
  });
  console.table(observed);
  if (observed.some(({ failed }) => failed > 0)) process.exitCode = 1;
} finally {
  await runCleanups();
  await globalThis.testRun?.stop();
}
