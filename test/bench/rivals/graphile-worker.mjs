import { makeWorkerUtils, run } from 'graphile-worker';
import { chunksOf, concurrency, deadlines, ready, settleOne } from './common.mjs';

const connectionString = process.env.DATABASE_URL;
const utils = await makeWorkerUtils({ connectionString });
await utils.migrate();
for (const chunk of chunksOf(await deadlines(), 5_000)) {
  await utils.addJobs(
    chunk.map(({ id, due }) => ({ identifier: 'deadline', payload: { disputeId: id }, runAt: new Date(due) })),
  );
}
await utils.release();
// As its page on performance sets it up.
await run({
  taskList: { deadline: ({ disputeId }) => settleOne(disputeId).then(() => {}) },
  preset: {
    worker: {
      connectionString,
      concurrentJobs: concurrency,
      maxPoolSize: 25,
      pollInterval: 500,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
});
ready();
