import createClient, { type Middleware } from 'openapi-fetch';
import type { components, paths } from './api.d.ts';

type Dispute = components['schemas']['Dispute'];

/** The API as one caller sees it, by the types that were made from its document. */
export function clientOf(baseUrl: string, token: string) {
  const client = createClient<paths>({ baseUrl, querySerializer: { array: { style: 'form', explode: false } } });
  const authorize: Middleware = {
    onRequest: ({ request }) => {
      request.headers.set('authorization', `Bearer ${token}`);
      return request;
    },
  };
  client.use(authorize);
  return client;
}

type Client = ReturnType<typeof clientOf>;

function succeed<T>({ data, error }: { data?: T; error?: { code: string } }): T {
  if (data === undefined) throw new Error(`refused: ${error?.code}`);
  return data;
}

/** Narrows the answer of a command that was no dry run: the document gives both for one status. */
function carriedOut<T extends object>(answer: T): Exclude<T, { dryRun: true }> {
  if ('dryRun' in answer) throw new Error('a dry run was not asked for');
  return answer as Exclude<T, { dryRun: true }>; // `in` narrows no generic type
}

/** What the README walks through: a cancellation that is asked for, seen and accepted. */
export async function walk(orders: Client, client: Client, freelancer: Client, orderId: string) {
  const path = { orderId };
  const price = { amount: 15_000, currency: 'USD' };
  const report = {
    clientId: 'user-7',
    freelancerId: 'user-9',
    status: 'in_progress',
    deliverBy: null,
    price,
    revision: 1,
  } as const;
  succeed(await orders.PUT('/v1/orders/{orderId}', { params: { path }, body: report }));

  const center = succeed(await client.GET('/v1/orders/{orderId}/resolution-center', { params: { path } }));
  const offered = center.open.filter(({ allowed }) => allowed).map(({ type }) => type);

  const opened: Dispute = carriedOut(
    succeed(
      await client.POST('/v1/orders/{orderId}/disputes', {
        params: { path, header: { 'Idempotency-Key': `walk-${orderId}` } },
        body: { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' },
      }),
    ),
  );
  const second = await client.POST('/v1/orders/{orderId}/disputes', {
    params: { path },
    body: { type: 'order_update' },
  });

  const id = opened.id;
  const seen = succeed(await freelancer.GET('/v1/disputes/{id}', { params: { path: { id } } }));
  const accepted = carriedOut(
    succeed(
      await freelancer.POST('/v1/disputes/{id}/accept', {
        params: { path: { id }, header: { 'If-Match': seen.etag } },
        body: { comment: 'Sorry.' },
      }),
    ),
  );
  const order = succeed(await client.GET('/v1/orders/{orderId}', { params: { path } }));
  const timeline = succeed(await client.GET('/v1/disputes/{id}/timeline', { params: { path: { id } } }));
  const list = succeed(
    await client.GET('/v1/disputes', { params: { query: { orderId, status: ['open', 'resolved'] } } }),
  );
  return {
    offered,
    refusal: second.error?.code,
    seen: seen.viewer?.allowedActions.map(({ action }) => action),
    resolution: accepted.resolution,
    order: order.status,
    timeline: timeline.data.map(({ action }) => action),
    listed: list.data.map((dispute) => dispute.id === id),
  };
}
