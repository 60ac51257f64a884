import { EVENT_STREAM } from '../../../src/http/endpoint/media-types.ts';
import type { Answer } from '../../harness/api/answer.ts';
import type { Clients } from '../../harness/client.ts';
import { CLIENT, seedDispute } from '../../harness/seed.ts';
import type { EventPage } from '../../harness/types.ts';

/** A call that was answered with another status than it should be. */
export interface WrongAnswer {
  readonly call: string;
  readonly status: number;
}

/** Receivers are reached by nothing here: a message to this address is tried later. */
const RECEIVER = 'https://hooks.example/managed';

/**
 * Calls every kind of endpoint once: commands, pages, the feed, a long poll, both streams, statistics, webhooks, holds,
 * deadlines, erasures and the pages for operators. Any setting of a server must let each of them work.
 * @returns the calls that did not; none is the promise
 */
export async function callEveryKind(service: Clients): Promise<WrongAnswer[]> {
  const wrong: WrongAnswer[] = [];
  const expecting = async <T>(status: number, call: string, asked: Promise<Answer<T>>): Promise<Answer<T>> => {
    const answer = await asked;
    if (answer.status !== status) wrong.push({ call, status: answer.status });
    return answer;
  };
  const [user, ops, hooks] = [service.as(CLIENT), service.withScopes('ops'), service.withScopes('webhooks:manage')];
  const [feed, reader] = [service.withScopes('events:read'), service.withScopes('disputes:read')];

  const { id, orderId } = await seedDispute(service, 'order_change');
  await expecting(200, 'comment', user.post(`/v1/disputes/${id}/comments`, { comment: 'Which files?' }));
  for (const path of [
    '/v1/reasons',
    `/v1/orders/${orderId}`,
    `/v1/orders/${orderId}/resolution-center`,
    `/v1/orders/${orderId}/disputes`,
    '/v1/disputes',
    `/v1/disputes/${id}`,
    `/v1/disputes/${id}/timeline`,
  ]) {
    await expecting(200, path, user.get(path));
  }
  const withdrawn = service.as('user-9').post(`/v1/disputes/${id}/withdraw`, {}, { 'idempotency-key': `tour-${id}` });
  await expecting(200, 'withdraw', withdrawn);

  const page = await expecting(200, 'feed', feed.get<EventPage>('/v1/events?after=0&limit=1'));
  await expecting(200, 'long poll', feed.get(`/v1/events?after=${page.body.nextAfter}&wait=1`));
  const stream = { accept: EVENT_STREAM };
  await expecting(200, 'order stream', user.get(`/v1/orders/${orderId}/events/stream`, stream));
  await expecting(200, 'user stream', user.get('/v1/events/stream', stream));

  await expecting(200, 'statistics', reader.get('/v1/stats'));
  await expecting(200, 'statistics by reason', reader.get('/v1/stats?groupBy=reason'));

  const made = hooks.post<{ id: string }>('/v1/webhook-endpoints', { url: RECEIVER });
  const endpoint = `/v1/webhook-endpoints/${(await expecting(201, 'add an endpoint', made)).body.id}`;
  const message = await expecting(202, 'test an endpoint', hooks.post<{ id: string }>(`${endpoint}/test`));
  await expecting(202, 'deliver again', hooks.post(`/v1/webhook-deliveries/${message.body.id}/redeliver`));
  await expecting(200, 'deliveries', hooks.get(`${endpoint}/deliveries`));
  await expecting(200, 'change an endpoint', hooks.patch(endpoint, { active: false }));
  await expecting(200, 'remove an endpoint', hooks.delete(endpoint));

  await expecting(200, 'deadlines', ops.get('/v1/ops/deadlines'));
  const hold = await expecting(201, 'begin a hold', ops.post<{ id: string }>('/v1/ops/holds', { note: 'A tour.' }));
  await expecting(200, 'end a hold', ops.delete(`/v1/ops/holds/${hold.body.id}`));
  await expecting(200, 'holds', ops.get('/v1/ops/holds'));
  await expecting(200, 'erasure', ops.post('/v1/ops/erasures', { userId: 'a-user-who-left' }));

  const anonymous = service.withAuthorization(null);
  for (const path of ['/healthz', '/metrics', '/openapi.json']) await expecting(200, path, anonymous.get(path));
  return wrong;
}
