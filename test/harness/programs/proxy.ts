import { connect, createServer, type Server, type Socket } from 'node:net';
import { onCleanup, once } from '../cleanup.ts';

/** A door in front of Postgres or Redis that a test can shut. */
export interface ServerProxy {
  /** The server's address, by way of the proxy. */
  readonly url: string;
  /** The server is gone: connections break, new ones are reset. */
  readonly cut: () => void;
  /** The server is frozen: connections stay and are accepted, and nothing comes or goes. */
  readonly freeze: () => void;
  /** All is well again; what waited while it was frozen goes on. */
  readonly restore: () => void;
  /** New connections lead to another server; those that are there stay. */
  readonly moveTo: (serverUrl: string) => void;
  readonly close: () => Promise<void>;
}

type Mode = 'open' | 'cut' | 'frozen';

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

function join(near: Socket, port: number, host: string): Pair {
  const far = connect(port, host);
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    socket.on('error', () => other.destroy());
    socket.on('close', () => other.destroy());
    socket.on('data', (chunk) => void (other.writable && other.write(chunk)));
  }
  return { near, far };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') resolve(address.port);
    });
  });
}

/** Puts a proxy in front of a server. It is taken away at the end of the test file. */
export async function startProxy(serverUrl: string): Promise<ServerProxy> {
  let target = new URL(serverUrl);
  const pairs = new Set<Pair>();
  let mode: Mode = 'open';
  const server = createServer((near) => {
    if (mode === 'cut') return void near.resetAndDestroy();
    const pair = join(near, Number(target.port), target.hostname);
    pairs.add(pair);
    near.on('close', () => pairs.delete(pair));
    if (mode === 'frozen') for (const socket of [pair.near, pair.far]) socket.pause();
  });
  const url = new URL(serverUrl);
  url.port = String(await listen(server));
  const each = (act: (socket: Socket) => void) => {
    for (const { near, far } of pairs) for (const socket of [near, far]) act(socket);
  };
  const cut = () => {
    mode = 'cut';
    each((socket) => socket.destroy());
  };
  const close = once(
    () =>
      new Promise<void>((resolve) => {
        cut();
        server.close(() => resolve());
      }),
  );
  onCleanup(close);
  return {
    url: url.href,
    cut,
    freeze: () => {
      mode = 'frozen';
      each((socket) => socket.pause());
    },
    restore: () => {
      mode = 'open';
      each((socket) => socket.resume());
    },
    moveTo: (otherUrl) => {
      target = new URL(otherUrl);
    },
    close,
  };
}
