import { mintToken } from '../../src/platform/development.ts';
import { onCleanup } from './cleanup.ts';
import { TEST_SECRET } from './client.ts';

/** One message of a stream, or a part of it that is none: a comment, or how long to wait before coming back. */
export interface Message {
  readonly id?: string;
  readonly event?: string;
  readonly data?: unknown;
  readonly retry?: string;
  /** What stands behind a colon at the beginning of a line. */
  readonly comment?: string;
}

/** A stream as its reader sees it, over HTTP. */
export interface OpenStream {
  readonly status: number;
  readonly headers: Headers;
  /** The body of a refusal. */
  readonly refusal: () => Promise<{ readonly code: string; readonly detail: string }>;
  /** The next part of whatever kind; null at the end. It throws if the connection broke. */
  readonly part: () => Promise<Message | null>;
  /** The next message that has an event. */
  readonly next: () => Promise<Message | null>;
  readonly hangUp: () => void;
}

function parse(text: string): Message {
  const fields = text.split('\n').map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon) || 'comment', line.slice(colon + 1).trimStart()];
  });
  const { data, ...rest } = Object.fromEntries(fields);
  return { ...rest, ...(data !== undefined && { data: JSON.parse(data) }) };
}

async function* partsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Message, null> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    yield* parts.map(parse);
  }
  if (text !== '') throw new Error(`the stream ended within a message: ${text}`);
  return null;
}

/** Follows an order as a user, or by another token. */
export async function openStream(
  baseUrl: string,
  orderId: string,
  { sub, scope, query = '', headers = {} }: { sub: string; scope?: string; query?: string; headers?: object },
): Promise<OpenStream> {
  const hungUp = new AbortController();
  onCleanup(async () => hungUp.abort());
  const token = await mintToken(TEST_SECRET, { sub, scope });
  const response = await fetch(`${baseUrl}/v1/orders/${orderId}/events/stream${query}`, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${token}`, ...headers },
    signal: hungUp.signal,
  });
  if (response.body === null) throw new Error('an answer without a body');
  const parts = partsOf(response.body as ReadableStream<Uint8Array>);
  const part = async () => (await parts.next()).value;
  return {
    status: response.status,
    headers: response.headers,
    refusal: async () => (await response.json()) as { code: string; detail: string },
    part,
    next: async () => {
      for (;;) {
        const message = await part();
        if (message === null || message.event !== undefined) return message;
      }
    },
    hangUp: () => hungUp.abort(),
  };
}
