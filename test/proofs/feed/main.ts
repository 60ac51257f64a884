import { runCleanups } from '../../harness/cleanup.ts';
import setUp from '../../harness/run/global-setup.ts';
import { number, readOptions } from '../../harness/run/options.ts';
import { runFeed } from './feed.ts';

const options = readOptions('test:feed', 'Readers follow the log of events while writers commit out of order.', {
  seconds: number(60, 'how long the writers write'),
  writers: number(20, 'how many of them write at once'),
  readers: number(5, 'how many read'),
});

await setUp();
const { written, seen, overtaken } = await runFeed(options);
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
