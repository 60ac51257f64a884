import { call } from '../service.ts';

// `comments:read`, since mails quote what the parties wrote.
const RECEIVER = { sub: 'example-backend', scope: 'webhooks:manage comments:read' };

/** Where the Resolution Center sends its messages, and the secret that it signs them with. */
export interface Endpoint {
  readonly id: string;
  readonly secret: string;
}

/**
 * Adds an endpoint for all events. Add yours once, by hand, and keep its secret with your others: this one is made anew with each
 * start, since the example stores nothing.
 * @throws RefusedError
 */
export async function addEndpoint(url: string): Promise<Endpoint> {
  const body = { url, description: 'examples/backend', includeComments: true };
  return (await call(RECEIVER, 'POST', '/v1/webhook-endpoints', body)) as Endpoint;
}

/** Removes an endpoint. @throws RefusedError */
export async function removeEndpoint({ id }: Endpoint): Promise<void> {
  await call(RECEIVER, 'DELETE', `/v1/webhook-endpoints/${id}`);
}
