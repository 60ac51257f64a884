import { Agent, request } from 'node:http';
import { EVENT_STREAM } from '../../../src/http/endpoint/media-types.ts';
import type { RawAnswer } from '../../harness/api/answer.ts';
import type { FuzzRequest } from './requests.ts';

const TIMEOUT_MS = 20_000;

/** Sends requests over a few connections that stay open, as they are: no client library puts them right. */
export function createSender(url: string, connections: number) {
  const { hostname, port } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const send = ({ method, path, headers, payload }: FuzzRequest) =>
    new Promise<RawAnswer>((resolve, reject) => {
      const length = payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) };
      const options = { hostname, port, method, path, headers: { ...headers, ...length }, agent, timeout: TIMEOUT_MS };
      const sent = request(options, (response) => {
        const chunks: Buffer[] = [];
        const answer = () => {
          const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(flat), text });
        };
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          if (!response.headers['content-type']?.startsWith(EVENT_STREAM)) return;
          // It would go on for minutes: the beginning is the answer.
          answer();
          sent.destroy();
        });
        response.on('error', reject);
        response.on('end', answer);
      });
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
      sent.on('error', reject);
      sent.end(payload);
    });
  return { send, close: () => agent.destroy() };
}
