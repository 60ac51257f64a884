import type { z } from 'zod';
import type * as webhooks from '../../src/webhooks/http/schemas.ts';
import type { Clients } from '../harness/client.ts';
import type { TestDatabase } from '../harness/database.ts';
import { waitFor } from '../harness/wait-for.ts';
import type { Receiver } from './receiver.ts';

export type Endpoint = z.output<typeof webhooks.Endpoint>;
export type EndpointWithSecret = z.output<typeof webhooks.EndpointWithSecret>;
export type Delivery = z.output<typeof webhooks.Delivery>;

/** The environment of a service that may send to receivers on this machine. */
export const LOCAL = { WEBHOOK_ALLOW_INSECURE: 'true', REMINDERS: 'none' } as const;

export const manager = (service: Clients) => service.withScopes('webhooks:manage');

/** Adds a receiver as an endpoint, and tells it the secret. */
export async function subscribe(
  service: Clients,
  receiver: Receiver,
  over: Readonly<Record<string, unknown>> = {},
): Promise<EndpointWithSecret> {
  const body = { url: receiver.url, ...over };
  const client = over['includeComments'] ? service.withScopes('webhooks:manage', 'comments:read') : manager(service);
  const answer = await client.post<EndpointWithSecret>('/v1/webhook-endpoints', body);
  receiver.secrets.push(answer.body.secret);
  return answer.body;
}

/** The deliveries to an endpoint, newest first. */
export async function deliveriesOf(service: Clients, endpointId: string, query = ''): Promise<Delivery[]> {
  const path = `/v1/webhook-endpoints/${endpointId}/deliveries?limit=100${query}`;
  return (await manager(service).get<{ data: Delivery[] }>(path)).body.data;
}

/** Waits until nothing is on its way to an endpoint any more, and returns its deliveries. */
export async function settledDeliveries(service: Clients, endpointId: string, count: number): Promise<Delivery[]> {
  const areOver = async () => {
    const all = await deliveriesOf(service, endpointId);
    return all.length >= count && all.every(({ finishedAt }) => finishedAt !== null) && all;
  };
  return await waitFor(`${count} deliveries are over`, areOver);
}

/** Reads an endpoint. */
export async function endpointOf(service: Clients, id: string): Promise<Endpoint> {
  return (await manager(service).get<Endpoint>(`/v1/webhook-endpoints/${id}`)).body;
}

/**
 * Lets time pass for all that is on its way to an endpoint: what would be tried again later is tried earlier by it. An attempt
 * that is under way is waited for, since its end decides anew when the next one is.
 */
export async function letDeliveriesWait(database: TestDatabase, endpointId: string, ms: number): Promise<void> {
  await waitFor('no attempt is under way', async () => {
    const claimed = await database.query(
      'SELECT FROM webhook_deliveries WHERE endpoint_id = $1 AND claim IS NOT NULL LIMIT 1',
      [endpointId],
    );
    return claimed.length === 0;
  });
  const before = `- $2::float8 * interval '1 millisecond'`;
  await database.query(
    `WITH moved AS (
       UPDATE webhook_deliveries SET next_attempt_at = next_attempt_at ${before}, created_at = created_at ${before},
         last_attempt_at = last_attempt_at ${before}, scheduled_at = scheduled_at ${before},
         asked_until = asked_until ${before}, queued_at = queued_at ${before} WHERE endpoint_id = $1 AND claim IS NULL)
     UPDATE webhook_endpoints SET failing_since = failing_since ${before}, released_at = released_at ${before},
       active_since = active_since ${before}, url_changed_at = url_changed_at ${before},
       types_changed_at = types_changed_at ${before}, previous_secret_until = previous_secret_until ${before}
     WHERE id = $1`,
    [endpointId, ms],
  );
}
