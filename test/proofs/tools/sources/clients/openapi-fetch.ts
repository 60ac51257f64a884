import createClient from 'openapi-fetch';
import type { paths } from '../../generated/openapi-fetch/api.d.ts';
import { type CallerOf, carriedOut, fail, REPORT } from '../caller.ts';

function succeed<T>({ data, error }: { data?: T; error?: unknown }): T {
  return data ?? fail(error);
}

export const callerOf: CallerOf = (baseUrl, token) => {
  const client = createClient<paths>({
    baseUrl,
    headers: { Authorization: `Bearer ${token}` },
    querySerializer: { array: { style: 'form', explode: false } },
  });
  const ORDER = '/v1/orders/{orderId}';
  const accept = async (id: string, etag: string) =>
    await client.POST('/v1/disputes/{id}/accept', {
      params: { path: { id }, header: { 'If-Match': etag } },
      body: { comment: 'Sorry.' },
    });
  return {
    report: async (orderId) =>
      carriedOut(succeed(await client.PUT(ORDER, { params: { path: { orderId } }, body: REPORT }))).status,
    offered: async (orderId) =>
      succeed(await client.GET(`${ORDER}/resolution-center`, { params: { path: { orderId } } }))
        .open.filter(({ allowed }) => allowed)
        .map(({ type }) => type),
    open: async (orderId) =>
      carriedOut(
        succeed(
          await client.POST(`${ORDER}/disputes`, {
            params: { path: { orderId }, header: { 'Idempotency-Key': `open-${orderId}` } },
            body: { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' },
          }),
        ),
      ),
    openAnother: async (orderId) => {
      const { error, response } = await client.POST(`${ORDER}/disputes`, {
        params: { path: { orderId } },
        body: { type: 'order_update' },
      });
      if (response.status !== 409 || error?.code !== 'dispute_already_open') return fail(error);
      return { code: error.code, disputeId: error.openDispute?.id };
    },
    list: async (orderId) =>
      succeed(
        await client.GET('/v1/disputes', { params: { query: { orderId, status: ['open', 'resolved'] } } }),
      ).data.map(({ id }) => id),
    read: async (id) => {
      const { etag, viewer } = succeed(await client.GET('/v1/disputes/{id}', { params: { path: { id } } }));
      return { etag, actions: (viewer?.allowedActions ?? []).map(({ action }) => action) };
    },
    comment: async (id) =>
      carriedOut(
        succeed(
          await client.POST('/v1/disputes/{id}/comments', { params: { path: { id } }, body: { comment: 'Any news?' } }),
        ),
      ).version,
    accept: async (id, etag) => carriedOut(succeed(await accept(id, etag))).resolution,
    acceptOutdated: async (id, etag) => {
      const { error, response } = await accept(id, etag);
      if (response.status !== 412 || error?.code !== 'version_mismatch') return fail(error);
      return { code: error.code, etag: error.dispute?.etag };
    },
    timeline: async (id) =>
      succeed(await client.GET('/v1/disputes/{id}/timeline', { params: { path: { id } } })).data.map(
        ({ action }) => action,
      ),
    events: async (orderId) =>
      succeed(await client.GET('/v1/events', { params: { query: { orderId } } })).data.map(({ type }) => type),
  };
};
