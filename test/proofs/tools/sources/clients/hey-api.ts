import { createClient } from '../../generated/hey-api/client/index.ts';
import * as api from '../../generated/hey-api/sdk.gen.ts';
import { type CallerOf, carriedOut, fail, REPORT } from '../caller.ts';

function succeed<T>({ data, error }: { data?: T; error?: unknown }): NonNullable<T> {
  return data ?? fail(error);
}

export const callerOf: CallerOf = (baseUrl, token) => {
  const client = createClient({ baseUrl, auth: token });
  const accept = async (id: string, etag: string) =>
    await api.acceptDispute({ client, path: { id }, headers: { 'If-Match': etag }, body: { comment: 'Sorry.' } });
  return {
    report: async (orderId) =>
      carriedOut(succeed(await api.reportOrder({ client, path: { orderId }, body: REPORT }))).status,
    offered: async (orderId) =>
      succeed(await api.getResolutionCenter({ client, path: { orderId } }))
        .open.filter(({ allowed }) => allowed)
        .map(({ type }) => type),
    open: async (orderId) =>
      carriedOut(
        succeed(
          await api.openDispute({
            client,
            path: { orderId },
            headers: { 'Idempotency-Key': `open-${orderId}` },
            body: { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' },
          }),
        ),
      ),
    openAnother: async (orderId) => {
      const { error, response } = await api.openDispute({ client, path: { orderId }, body: { type: 'order_update' } });
      if (response?.status !== 409 || error?.code !== 'dispute_already_open') return fail(error);
      return { code: error.code, disputeId: error.openDispute?.id };
    },
    list: async (orderId) =>
      succeed(await api.listDisputes({ client, query: { orderId, status: ['open', 'resolved'] } })).data.map(
        ({ id }) => id,
      ),
    read: async (id) => {
      const { etag, viewer } = succeed(await api.getDispute({ client, path: { id } }));
      return { etag, actions: (viewer?.allowedActions ?? []).map(({ action }) => action) };
    },
    comment: async (id) =>
      carriedOut(succeed(await api.addComment({ client, path: { id }, body: { comment: 'Any news?' } }))).version,
    accept: async (id, etag) => carriedOut(succeed(await accept(id, etag))).resolution,
    acceptOutdated: async (id, etag) => {
      const { error, response } = await accept(id, etag);
      if (response?.status !== 412 || error?.code !== 'version_mismatch') return fail(error);
      return { code: error.code, etag: error.dispute?.etag };
    },
    timeline: async (id) => succeed(await api.getTimeline({ client, path: { id } })).data.map(({ action }) => action),
    events: async (orderId) =>
      succeed(await api.listEvents({ client, query: { orderId } })).data.map(({ type }) => type),
  };
};
