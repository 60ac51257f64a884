import { createServer, type IncomingMessage, type Server } from 'node:http';
import { RefusedError } from '../service.ts';

const LONGEST_BODY_BYTES = 256 * 1_024;

export interface Routes {
  /** Takes a message of the Resolution Center. @returns the status of the answer */
  readonly receive: (body: string, headers: Readonly<Record<string, string>>) => number;
  /** Carries out a change of an order. @returns the order, null where there is none @throws RefusedError */
  readonly changeOrder: (id: string, change: { readonly status?: string }) => Promise<object | null>;
}

interface Answer {
  readonly status: number;
  readonly body?: object;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LONGEST_BODY_BYTES) throw new RefusedError(413, 'payload_too_large', 'the body is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(body: string): { readonly status?: string } {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
  } catch {
    // refused below
  }
  throw new RefusedError(400, 'invalid_request', 'the body must be a JSON object');
}

/** The addresses of this backend: one for messages, and one to change an order, which stands for the rest of a marketplace. */
export function createHttp({ receive, changeOrder }: Routes): Server {
  async function answer(request: IncomingMessage): Promise<Answer> {
    const body = await bodyOf(request);
    const path = request.url ?? '/';
    if (request.method === 'POST' && path === '/webhooks') {
      const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const);
      return { status: receive(body, Object.fromEntries(headers)) };
    }
    const id = /^\/orders\/([A-Za-z0-9-]+)$/.exec(path)?.[1];
    if (request.method !== 'PATCH' || id === undefined) return { status: 404 };
    const order = await changeOrder(id, parse(body));
    return order === null ? { status: 404 } : { status: 200, body: order };
  }

  const problemOf = (error: unknown) => ({
    status: error instanceof RefusedError ? error.status : 502,
    body: { error: error instanceof Error ? error.message : String(error) },
  });

  return createServer(async (request, response) => {
    const { status, body } = await answer(request).catch(problemOf);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(body === undefined ? '' : JSON.stringify(body));
  });
}
