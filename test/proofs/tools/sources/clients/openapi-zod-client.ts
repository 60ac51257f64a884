import { isErrorFromAlias } from '@zodios/core';
import { createApiClient } from '../../generated/openapi-zod-client/api.ts';
import { type CallerOf, carriedOut, fail, REPORT } from '../caller.ts';

/** The client checks every request and every answer with the zod schemas that were made from the document. */
export const callerOf: CallerOf = (baseUrl, token) => {
  const client = createApiClient(baseUrl, {
    validate: true,
    axiosConfig: {
      headers: { Authorization: `Bearer ${token}` },
      // The generator drops `explode: false`: this joins several values with commas, as the document says.
      paramsSerializer: (params: Record<string, unknown>) =>
        new URLSearchParams(Object.entries(params).map(([name, value]) => [name, String(value)])).toString(),
    },
  });
  const accept = async (id: string, etag: string) =>
    await client.acceptDispute({ comment: 'Sorry.' }, { params: { id }, headers: { 'If-Match': etag } });
  const refusal = async (call: Promise<unknown>): Promise<unknown> => await call.then(fail, (error: unknown) => error);
  return {
    report: async (orderId) => carriedOut(await client.reportOrder(REPORT, { params: { orderId } })).status,
    offered: async (orderId) =>
      (await client.getResolutionCenter({ params: { orderId } })).open
        .filter(({ allowed }) => allowed)
        .map(({ type }) => type),
    open: async (orderId) =>
      carriedOut(
        await client.openDispute(
          { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' },
          { params: { orderId }, headers: { 'Idempotency-Key': `open-${orderId}` } },
        ),
      ),
    openAnother: async (orderId) => {
      const error = await refusal(client.openDispute({ type: 'order_update' }, { params: { orderId } }));
      if (!isErrorFromAlias(client.api, 'openDispute', error) || error.response.status !== 409) return fail(error);
      const { code, openDispute } = error.response.data;
      return code === 'dispute_already_open' ? { code, disputeId: openDispute?.id } : fail(error);
    },
    list: async (orderId) =>
      (await client.listDisputes({ queries: { orderId, status: ['open', 'resolved'] } })).data.map(({ id }) => id),
    read: async (id) => {
      const { etag, viewer } = await client.getDispute({ params: { id } });
      return { etag, actions: (viewer?.allowedActions ?? []).map(({ action }) => action) };
    },
    comment: async (id) => carriedOut(await client.addComment({ comment: 'Any news?' }, { params: { id } })).version,
    accept: async (id, etag) => carriedOut(await accept(id, etag)).resolution,
    acceptOutdated: async (id, etag) => {
      const error = await refusal(accept(id, etag));
      if (!isErrorFromAlias(client.api, 'acceptDispute', error) || error.response.status !== 412) return fail(error);
      const { code, dispute } = error.response.data;
      return code === 'version_mismatch' ? { code, etag: dispute?.etag } : fail(error);
    },
    timeline: async (id) => (await client.getTimeline({ params: { id } })).data.map(({ action }) => action),
    events: async (orderId) => (await client.listEvents({ queries: { orderId } })).data.map(({ type }) => type),
  };
};
