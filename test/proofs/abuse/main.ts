import { parseArgs } from 'node:util';
import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { abuse } from './run.ts';

// npm run test:abuse -- [--idle N] [--slow N] [--large N] [--seconds S]; N idle connections need `ulimit -n` above N.

const { values } = parseArgs({
  options: {
    idle: { type: 'string', default: '10000' },
    slow: { type: 'string', default: '1000' },
    large: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '20' },
  },
});

await setUp();
try {
  const observed = await abuse({
    idleConnections: Number(values.idle),
    slowConnections: Number(values.slow),
    largeConnections: Number(values.large),
    seconds: Number(values.seconds),
    slowSeconds: Number(values.seconds),
    requests: 100,
    pauseMs: 10,
  });
  console.table(observed);
  if (observed.some(({ failed }) => failed > 0)) process.exitCode = 1;
} finally {
  await runCleanups();
  await globalThis.testRun?.stop();
}
