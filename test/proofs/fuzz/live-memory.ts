import { WebSocket } from 'undici';
import type { Running } from '../../harness/process.ts';
import { waitFor } from '../../harness/wait-for.ts';

/** The environment of a process whose memory can be looked into. */
export const WATCHED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' } as const;

export interface LiveMemory {
  /** Collects the garbage of the process and says how many megabytes it still holds, on its heap and beside it. */
  readonly megabytes: () => Promise<number>;
  readonly close: () => void;
}

interface Reply {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: number } };
}

const HELD = '(({ heapUsed, external }) => (heapUsed + external) / 2 ** 20)(process.memoryUsage())';

/**
 * Watches a process that was started with `WATCHED`. What it holds is what can grow without end; what it has taken from the
 * system grows with the load, and as far as the collector finds convenient.
 */
export async function watchMemory({ stderr }: Running): Promise<LiveMemory> {
  const address = await waitFor('the inspector listens', () => /listening on (ws:\S+)/.exec(stderr())?.[1]);
  const socket = new WebSocket(address);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  const waiting = new Map<number, (reply: Reply) => void>();
  socket.addEventListener('message', ({ data }) => {
    const reply = JSON.parse(String(data)) as Reply;
    waiting.get(reply.id ?? 0)?.(reply);
    waiting.delete(reply.id ?? 0);
  });
  let sent = 0;
  const call = (method: string, params: object = {}) =>
    new Promise<Reply>((resolve) => {
      sent += 1;
      waiting.set(sent, resolve);
      socket.send(JSON.stringify({ id: sent, method, params }));
    });
  return {
    megabytes: async () => {
      await call('HeapProfiler.collectGarbage');
      const { result } = await call('Runtime.evaluate', { expression: HELD, returnByValue: true });
      const value = result?.result?.value;
      if (value === undefined) throw new Error('the inspector did not say how much memory is held');
      return value;
    },
    close: () => socket.close(),
  };
}
