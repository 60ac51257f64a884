import { connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { createLiveFeed } from '../../../src/application/feed/live-feed.ts';
import { mintToken } from '../../../src/dev/development.ts';
import { buildApp } from '../../../src/http/server/app.ts';
import { closeApp } from '../../../src/http/server/close.ts';
import { createEventStreams, STREAM_LIMITS, type StreamLimits } from '../../../src/http/streams/event-streams.ts';
import type { Message, OpenStream } from '../../harness/api/event-stream.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { TEST_SECRET } from '../../harness/client.ts';
import type { Service } from '../../harness/service.ts';

/** The same service with other limits of streams, on a port of its own. */
export async function serveStreams(
  { deps }: Service,
  limits: Partial<StreamLimits>,
): Promise<{ readonly app: FastifyInstance; readonly url: string }> {
  const { db } = deps.write;
  const { metrics } = deps.app.system;
  const streams = createEventStreams(
    { db, liveFeed: createLiveFeed(db, () => {}), metrics },
    { ...STREAM_LIMITS, ...limits },
  );
  const app = await buildApp({ ...deps.app, http: { ...deps.app.http, streams } });
  onCleanup(() => closeApp(app, 500));
  return { app, url: await app.listen({ host: '127.0.0.1', port: 0 }) };
}

/** What a request sends that goes on behind a message. */
export const behind = (id: string | undefined) => ({ headers: { 'last-event-id': id ?? '' } });

/** The next messages of a stream; null stands for its end. */
export async function messages(stream: OpenStream, count: number): Promise<(Message | null)[]> {
  const read: (Message | null)[] = [];
  while (read.length < count) read.push(await stream.next());
  return read;
}

/** The types of the next messages of a stream. */
export async function types(stream: OpenStream, count: number): Promise<(string | undefined)[]> {
  return (await messages(stream, count)).map((message) => message?.event);
}

/** Opens a stream over a connection that reads its beginning and then nothing any more, as that of a closed laptop. */
export async function openDeadStream(url: string, path: string, sub: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const token = await mintToken(TEST_SECRET, { sub });
  const socket = connect(Number(port), hostname);
  onCleanup(async () => void socket.destroy());
  socket.on('error', () => {}); // the service may cut it off
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
  );
  await new Promise<void>((resolve, reject) => {
    let head = '';
    socket.once('close', () => reject(new Error(`the stream did not begin: ${head}`)));
    socket.on('data', (chunk) => {
      head += String(chunk);
      if (!head.includes('event: ready')) return;
      socket.removeAllListeners('data').pause();
      resolve();
    });
  });
  return socket;
}
