import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { type DeadlineQueue, whenReady } from './queue.ts';

/**
 * The queue as Bull Board shows it.
 * @param isWritable whether operators may act on it
 * @param check rejects within about a second if Redis does not do what the queue needs
 */
export function openQueueBoard(queue: DeadlineQueue, isWritable: boolean, check: () => Promise<unknown>) {
  const description = 'Wake-ups for deadlines. PostgreSQL knows them all: a job that is lost is made again.';
  return {
    queue: new BullMQAdapter(queue, { readOnlyMode: !isWritable, allowRetries: isWritable, description }),
    isWritable,
    ready: async () => {
      await whenReady(queue);
      await check();
    },
  };
}
