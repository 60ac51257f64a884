import { parseArgs } from 'node:util';
import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { runFeed } from './feed.ts';

// npm run test:feed -- [--seconds 60] [--writers 20] [--readers 5]

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    writers: { type: 'string', default: '20' },
    readers: { type: 'string', default: '5' },
  },
});

await setUp();
const { written, seen, overtaken } = await runFeed({
  seconds: Number(values.seconds),
  writers: Number(values.writers),
  readers: Number(values.readers),
});
const whole = seen.filter((ids) => ids.length === written.length && ids.every((id, index) => id === written[index]));
for (const [reader, ids] of seen.entries()) {
  const first = written.findIndex((id, index) => id !== ids[index]);
  if (ids.length !== written.length || first >= 0) {
    console.log(`reader ${reader} saw ${ids.length} events, and something else than the ${first + 1}th in its place`);
  }
}
console.log(`${written.length} events were written, ${overtaken} of them committed after one that happened later.`);
console.log(`${whole.length} of ${seen.length} readers saw each of them once, in the same order.`);
await runCleanups();
await globalThis.testRun?.stop();
process.exit(whole.length === seen.length ? 0 : 1);
