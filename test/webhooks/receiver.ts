import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInbox, type Message } from '../../examples/backend/inbox.ts';
import { onCleanup, once } from '../harness/cleanup.ts';

/** One request as it came. */
export interface Received {
  readonly id: string;
  readonly message: Message;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly at: number;
  /** Whether the inbox had not had it before. */
  readonly isNew: boolean;
}

/** What a receiver answers; null never answers. */
export interface Reaction {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Receiver {
  readonly url: string;
  /** Every request that was verified, in the order in which it came. */
  readonly received: Received[];
  /** Every request that was turned away since its signature did not fit. */
  readonly refused: string[];
  /** What the inbox has handed on. */
  readonly applied: Message[];
  /** Which secrets it knows. */
  secrets: string[];
  /** What it answers to what it has verified. */
  react: (received: Received) => Reaction | null | Promise<Reaction | null>;
  readonly close: () => Promise<void>;
}

const headersOf = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** Starts a receiver on a port of its own, around the inbox that receivers are invited to copy. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const applied: Message[] = [];
  const received: Received[] = [];
  const refused: string[] = [];
  const inbox = createInbox({ secrets: () => receiver.secrets, apply: (message) => void applied.push(message) });

  const take = async (body: string, headers: Record<string, string | undefined>): Promise<Reaction | null> => {
    let isNew: boolean;
    try {
      isNew = inbox.receive(body, headers);
    } catch {
      refused.push(body);
      return { status: 401 };
    }
    const message = JSON.parse(body) as Message;
    const one = { id: headers['webhook-id'] ?? '', message, headers, body, at: Date.now(), isNew };
    received.push(one);
    return await receiver.react(one);
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      void take(Buffer.concat(chunks).toString('utf8'), headersOf(request)).then((reaction) => {
        if (reaction !== null) response.writeHead(reaction.status, reaction.headers).end(reaction.body);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = once(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  onCleanup(close);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
  const receiver: Receiver = { url, received, refused, applied, secrets: [], react: () => ({ status: 204 }), close };
  return receiver;
}
