import { mintToken } from '../../../src/dev/development.ts';
import { onCleanup } from '../cleanup.ts';
import { TEST_SECRET } from '../client.ts';
import { faultOf, pointerTo } from './document.ts';

/** One message of a stream, or a comment line between two of them. */
export interface Message {
  readonly id?: string;
  readonly event?: string;
  readonly data?: unknown;
  readonly retry?: string;
  /** The text behind the colon of a comment line; such a part has nothing else. */
  readonly comment?: string;
}

/** A stream as its reader sees it, over HTTP. */
export interface OpenStream {
  readonly status: number;
  readonly headers: Headers;
  /** The body of a refusal. */
  readonly refusal: () => Promise<{ readonly code: string; readonly detail: string }>;
  /** The next message or comment line; null at the end. It throws if the connection broke. */
  readonly part: () => Promise<Message | null>;
  /** The next message. */
  readonly next: () => Promise<Message | null>;
  readonly hangUp: () => void;
}

const EVENT = pointerTo('components', 'schemas', 'Event');
const OF_THE_STREAM = ['ready', 'refresh', 'end'];

/**
 * The fields of a block, held against what every client can read: one line for each field, all blocks with data, events as
 * the document has them.
 * @throws if the block is none that the service may send
 */
function parseBlock(lines: readonly string[]): Message {
  const { data, ...rest } = Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^(id|event|data|retry): (.+)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`not a field of a message: ${line}`);
      return [name, value];
    }),
  );
  if (data === undefined) throw new Error(`a block without data: ${lines.join(' ')}`);
  const message = { ...rest, data: JSON.parse(data) as unknown } as Message;
  const fault = OF_THE_STREAM.includes(message.event ?? '') ? null : faultOf(EVENT, message.data);
  if (fault !== null) throw new Error(`not an event of the document: ${fault}`);
  return message;
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split('\n');
    text = lines.pop() ?? '';
    yield* lines;
  }
  if (text !== '') throw new Error(`the stream ended within a line: ${text}`);
}

async function* partsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Message, null> {
  let block: string[] = [];
  for await (const line of linesOf(body)) {
    if (line.startsWith(':')) yield { comment: line.slice(1).trimStart() };
    else if (line !== '') block.push(line);
    else {
      yield parseBlock(block);
      block = [];
    }
  }
  if (block.length > 0) throw new Error(`the stream ended within a message: ${block.join(' ')}`);
  return null;
}

/**
 * Follows an order as a user, or by another token.
 * @param orderId null for all orders of the user
 */
export async function openStream(
  baseUrl: string,
  orderId: string | null,
  { sub, scope, query = '', headers = {} }: { sub: string; scope?: string; query?: string; headers?: object },
): Promise<OpenStream> {
  const hungUp = new AbortController();
  onCleanup(async () => hungUp.abort());
  const token = await mintToken(TEST_SECRET, { sub, scope });
  const path = orderId === null ? '/v1/events/stream' : `/v1/orders/${orderId}/events/stream`;
  const response = await fetch(`${baseUrl}${path}${query}`, {
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
