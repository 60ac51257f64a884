import { connect, type Socket } from 'node:net';

/** Connections that mean no good. */
export interface Attack {
  /** How many connections are open at this moment, and how many the service has ended. */
  readonly counts: () => { readonly open: number; readonly ended: number };
  readonly stop: () => void;
}

const CONNECTING_AT_ONCE = 200;

/** Opens connections and keeps them at whatever `busy` has each of them do. */
async function hold(url: string, connections: number, busy: (socket: Socket) => () => void): Promise<Attack> {
  const { hostname, port } = new URL(url);
  const open = new Map<Socket, () => void>();
  let ended = 0;
  const openOne = () =>
    new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {}); // it is about to be closed, and counted there
      socket.on('connect', () => {
        open.set(socket, busy(socket));
        resolve();
      });
      socket.on('data', () => {});
      socket.on('close', () => {
        open.get(socket)?.();
        if (open.delete(socket)) ended += 1;
        resolve();
      });
    });
  for (let opened = 0; opened < connections; opened += CONNECTING_AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(CONNECTING_AT_ONCE, connections - opened) }, openOne));
  }
  return {
    counts: () => ({ open: open.size, ended }),
    stop: () => {
      for (const [socket, rest] of [...open]) {
        rest();
        open.delete(socket);
        socket.destroy();
      }
    },
  };
}

function every(ms: number, act: () => void): () => void {
  const timer = setInterval(act, ms);
  return () => clearInterval(timer);
}

const BYTE_EVERY_MS = 1_000;

/** Connections that are opened, and nothing more. */
export function idle(url: string, connections: number): Promise<Attack> {
  return hold(url, connections, () => () => {});
}

/** Requests whose headers come a byte at a time and never end. */
export function slowHeaders(url: string, connections: number): Promise<Attack> {
  return hold(url, connections, (socket) => {
    socket.write('POST /v1/orders/order-1/disputes HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    return every(BYTE_EVERY_MS, () => socket.write('x'));
  });
}

/** Requests of a caller with a good token whose body comes a byte at a time and never ends. */
export function slowBodies(url: string, connections: number, token: string): Promise<Attack> {
  const head = [
    'POST /v1/orders/order-1/disputes HTTP/1.1',
    'Host: x',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    'Content-Length: 60000',
  ].join('\r\n');
  return hold(url, connections, (socket) => {
    socket.write(`${head}\r\n\r\n{`);
    return every(BYTE_EVERY_MS, () => socket.write(' '));
  });
}

const MEGABYTE = Buffer.alloc(1_048_576, 0x20);

/** Bodies of a megabyte, one after another on each connection, with a length or in chunks. */
export function largeBodies(url: string, connections: number, token: string): Promise<Attack> {
  const { hostname, port } = new URL(url);
  const head = `POST /v1/orders/order-1/disputes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n`;
  let stopped = false;
  let ended = 0;
  const sendOne = (chunked: boolean) =>
    new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${MEGABYTE.length}`;
        socket.write(`${head}${length}\r\n\r\n${chunked ? `${MEGABYTE.length.toString(16)}\r\n` : ''}`);
        socket.write(MEGABYTE);
      });
      socket.on('error', () => {});
      socket.on('data', () => socket.end());
      socket.on('close', () => {
        ended += 1;
        resolve();
      });
    });
  const work = async (index: number) => {
    while (!stopped) await sendOne(index % 2 === 0);
  };
  for (let index = 0; index < connections; index += 1) void work(index);
  const stop = () => {
    stopped = true;
  };
  return Promise.resolve({ counts: () => ({ open: stopped ? 0 : connections, ended }), stop });
}
