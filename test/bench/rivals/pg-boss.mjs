import { PgBoss } from 'pg-boss';
import { chunksOf, concurrency, deadlines, ready, settleOne } from './common.mjs';

const boss = new PgBoss({ connectionString: process.env.DATABASE_URL, max: 10 });
boss.on('error', (error) => console.error(error.message));
await boss.start();
await boss.createQueue('rival');
for (const chunk of chunksOf(await deadlines(), 5_000)) {
  await boss.insert(
    'rival',
    chunk.map(({ id, due }) => ({ data: { disputeId: id }, startAfter: new Date(due) })),
  );
}
// Fetched many at a time, and carried out side by side.
await boss.work('rival', { batchSize: 500, pollingIntervalSeconds: 0.5 }, async (jobs) => {
  const all = [...jobs];
  const run = async () => {
    for (let job = all.pop(); job !== undefined; job = all.pop()) await settleOne(job.data.disputeId);
  };
  await Promise.all(Array.from({ length: concurrency }, run));
});
ready();
