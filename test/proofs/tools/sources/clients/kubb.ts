import send, { type Client, type RequestConfig, type ResponseConfig } from '@kubb/plugin-client/clients/fetch';
import * as api from '../../generated/kubb/index.ts';
import { type CallerOf, carriedOut, fail, REPORT } from '../caller.ts';

class Refused<T> extends Error {
  readonly problem: T;
  constructor(problem: T) {
    super('refused');
    this.problem = problem;
  }
}

/** The client of kubb hands a refusal out as if it were the answer, so a refusal is thrown here. */
const client: Client = async <T, E, D>(request: RequestConfig<D>): Promise<ResponseConfig<T>> => {
  const answer = await send<T | E, E, D>(request);
  // The status decides whether a body is of the answer's or of the error's type.
  if (answer.status >= 400) throw new Refused(answer.data as E);
  return answer as ResponseConfig<T>;
};

/** What a call was refused with. The type of a problem is generated, but no call of kubb's client has it in its type. */
async function problemOf<T>(call: Promise<unknown>): Promise<T> {
  const error = await call.then(fail, (reason: unknown) => reason);
  return error instanceof Refused ? (error as Refused<T>).problem : fail(error);
}

export const callerOf: CallerOf = (baseURL, token) => {
  // Without `content-type`, kubb's client sends JSON as text/plain.
  const config = {
    baseURL,
    client,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
  };
  const accept = async (id: string, etag: string) =>
    await api.acceptDispute(id, { comment: 'Sorry.' }, {}, { 'If-Match': etag }, config);
  return {
    report: async (orderId) => carriedOut((await api.reportOrder(orderId, REPORT, {}, {}, config)).data).status,
    offered: async (orderId) =>
      (await api.getResolutionCenter(orderId, {}, config)).data.open
        .filter(({ allowed }) => allowed)
        .map(({ type }) => type),
    open: async (orderId) =>
      carriedOut(
        (
          await api.openDispute(
            orderId,
            { type: 'cancellation', reason: 'late_delivery', comment: 'Two weeks late.' },
            {},
            { 'Idempotency-Key': `open-${orderId}` },
            config,
          )
        ).data,
      ),
    openAnother: async (orderId) => {
      const call = api.openDispute(orderId, { type: 'order_update' }, {}, {}, config);
      const problem = await problemOf<api.OpenDispute409>(call);
      if (problem.code !== 'dispute_already_open') return fail(problem);
      return { code: problem.code, disputeId: problem.openDispute?.id };
    },
    list: async (orderId) =>
      (await api.listDisputes({ orderId, status: ['open', 'resolved'] }, config)).data.data.map(({ id }) => id),
    read: async (id) => {
      const { etag, viewer } = (await api.getDispute(id, {}, config)).data;
      return { etag, actions: (viewer?.allowedActions ?? []).map(({ action }) => action) };
    },
    comment: async (id) =>
      carriedOut((await api.addComment(id, { comment: 'Any news?' }, {}, {}, config)).data).version,
    accept: async (id, etag) => carriedOut((await accept(id, etag)).data).resolution,
    acceptOutdated: async (id, etag) => {
      const problem = await problemOf<api.AcceptDispute412>(accept(id, etag));
      if (problem.code !== 'version_mismatch') return fail(problem);
      return { code: problem.code, etag: problem.dispute?.etag };
    },
    timeline: async (id) => (await api.getTimeline(id, {}, config)).data.data.map(({ action }) => action),
    events: async (orderId) => (await api.listEvents({ orderId }, config)).data.data.map(({ type }) => type),
  };
};
