import * as api from '../../generated/orval/api.ts';
import { type CallerOf, carriedOut, fail, REPORT } from '../caller.ts';

/** The generator writes the address of the service into the client, so `baseUrl` is not needed. */
export const callerOf: CallerOf = (_baseUrl, token) => {
  const authorization = { Authorization: `Bearer ${token}` };
  const options = { headers: authorization };
  const accept = async (id: string, etag: string) =>
    await api.acceptDispute(id, { comment: 'Sorry.' }, {}, { headers: { ...authorization, 'If-Match': etag } });
  return {
    report: async (orderId) => {
      const answer = await api.reportOrder(orderId, REPORT, {}, options);
      return answer.status === 201 ? carriedOut(answer.data).status : fail(answer);
    },
    offered: async (orderId) => {
      const answer = await api.getResolutionCenter(orderId, options);
      if (answer.status !== 200) return fail(answer);
      return answer.data.open.filter(({ allowed }) => allowed).map(({ type }) => type);
    },
    open: async (orderId) => {
      const answer = await api.openDispute(
        orderId,
        { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' },
        {},
        { headers: { ...authorization, 'Idempotency-Key': `open-${orderId}` } },
      );
      return answer.status === 201 ? carriedOut(answer.data) : fail(answer);
    },
    openAnother: async (orderId) => {
      const answer = await api.openDispute(orderId, { type: 'order_update' }, {}, options);
      if (answer.status !== 409 || answer.data.code !== 'dispute_already_open') return fail(answer);
      return { code: answer.data.code, disputeId: answer.data.openDispute?.id };
    },
    list: async (orderId) => {
      const answer = await api.listDisputes({ orderId, status: ['open', 'resolved'] }, options);
      return answer.status === 200 ? answer.data.data.map(({ id }) => id) : fail(answer);
    },
    read: async (id) => {
      const answer = await api.getDispute(id, options);
      if (answer.status !== 200) return fail(answer);
      return {
        etag: answer.data.etag,
        actions: (answer.data.viewer?.allowedActions ?? []).map(({ action }) => action),
      };
    },
    comment: async (id) => {
      const answer = await api.addComment(id, { comment: 'Any news?' }, {}, options);
      return answer.status === 200 ? carriedOut(answer.data).version : fail(answer);
    },
    accept: async (id, etag) => {
      const answer = await accept(id, etag);
      return answer.status === 200 ? carriedOut(answer.data).resolution : fail(answer);
    },
    acceptOutdated: async (id, etag) => {
      const answer = await accept(id, etag);
      if (answer.status !== 412 || answer.data.code !== 'version_mismatch') return fail(answer);
      return { code: answer.data.code, etag: answer.data.dispute?.etag };
    },
    timeline: async (id) => {
      const answer = await api.getTimeline(id, {}, options);
      return answer.status === 200 ? answer.data.data.map(({ action }) => action) : fail(answer);
    },
    events: async (orderId) => {
      const answer = await api.listEvents({ orderId }, options);
      return answer.status === 200 ? answer.data.data.map(({ type }) => type) : fail(answer);
    },
  };
};
