import { Queue, Worker } from 'bullmq';
import { chunksOf, concurrency, deadlines, ready, settleOne } from './common.mjs';

const connection = { port: Number(new URL(process.env.REDIS_URL).port), host: '127.0.0.1', maxRetriesPerRequest: null };
const queue = new Queue('rival', { connection });
for (const chunk of chunksOf(await deadlines(), 1_000)) {
  const jobs = chunk.map(({ id, due }) => ({
    name: 'deadline',
    data: { disputeId: id },
    opts: { delay: Math.max(0, due - Date.now()), removeOnComplete: true },
  }));
  await queue.addBulk(jobs);
}
const worker = new Worker('rival', ({ data }) => settleOne(data.disputeId).then(() => {}), { connection, concurrency });
worker.on('error', (error) => console.error(error.message));
await worker.waitUntilReady();
ready();
