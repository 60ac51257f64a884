import { beforeAll, describe, expect, test } from 'vitest';
import { runProgram, type ServiceProcess, startProcess } from '../harness/process.ts';
import { CANARY } from '../harness/run/canary.ts';
import { CLIENT, FREELANCER, REQUESTS, seedOrder } from '../harness/seed.ts';
import { testEnvironment } from '../harness/service.ts';
import type { Dispute, Timeline } from '../harness/types.ts';
import { waitFor } from '../harness/wait-for.ts';
import { LOCAL, subscribe } from '../webhooks/endpoints.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { type Collector, type Span, startCollector } from './collector.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER_SPAN = '00f067aa0ba902b7';

describe('with an api and a worker that send their traces to a collector', () => {
  let collector: Collector;
  let receiver: Receiver;
  let api: ServiceProcess;
  let worker: ServiceProcess;
  let dispute: Dispute;
  let requestId: string;
  beforeAll(async () => {
    collector = await startCollector();
    receiver = await startReceiver();
    const env = { ...LOCAL, ...collector.env, WINDOW_CANCELLATION: 'PT2S' };
    api = await startProcess({ role: 'api', env });
    worker = await startProcess({ role: 'worker', env, database: api.database });
    await subscribe(api, receiver, { types: ['dispute.opened', 'dispute.expired'] });
    const { id: orderId } = await seedOrder(api);
    const headers = { traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-01` };
    const opened = await api.as(CLIENT).post<Dispute>(`/v1/orders/${orderId}/disputes`, REQUESTS.cancellation, headers);
    dispute = opened.body;
    requestId = String(opened.headers['x-request-id']);
    await waitFor('both webhooks have come', () => receiver.received.length === 2);
  });

  /** The spans of the trace, once there are as many of a name. */
  const spans = (name: string, count: number) =>
    waitFor(`${count} spans: ${name}`, () => {
      const found = collector.spans.filter((span) => span.traceId === TRACE_ID && span.name === name);
      return found.length >= count && found;
    });
  const only = async (name: string): Promise<Span> => {
    const [first, ...others] = await spans(name, 1);
    expect(others).toEqual([]);
    return first as Span;
  };

  test('one trace holds the request, its transaction, the job that it set, and the webhooks that tell of both', async () => {
    const request = await only('POST /v1/orders/:orderId/disputes');
    expect(request).toMatchObject({ parentId: CALLER_SPAN, service: 'resolution-center', role: 'api', status: 0 });
    const job = await only('process deadlines');
    expect(job).toMatchObject({ role: 'worker', attributes: { 'resolution_center.dispute_id': dispute.id } });
    const transactions = await spans('transaction', 2);
    const opening = transactions.find(({ parentId }) => parentId === request.id);
    expect(opening).toMatchObject({ role: 'api', events: ['connected', 'locked', 'committing'] });
    expect(job.parentId).toBe(opening?.id);
    const webhooks = await spans('POST webhook', 2);
    const told = webhooks.map(({ attributes, role, parentId }) => [
      attributes['resolution_center.event_type'],
      attributes['http.response.status_code'],
      role,
      parentId === opening?.id,
    ]);
    expect(told).toEqual([
      ['dispute.opened', 204, 'worker', true],
      ['dispute.expired', 204, 'worker', true],
    ]);
  });

  test('a receiver can go on with the trace', async () => {
    const webhooks = await spans('POST webhook', 2);
    expect(receiver.received.map(({ headers }) => headers['traceparent'])).toEqual(
      webhooks.map(({ id }) => `00-${TRACE_ID}-${id}-01`),
    );
  });

  test('one request id is in the trace, in the log beside the trace, and in the timeline', async () => {
    const request = await only('POST /v1/orders/:orderId/disputes');
    expect(request.attributes['resolution_center.request_id']).toBe(requestId);
    const line = api
      .stdout()
      .split('\n')
      .find((text) => text.includes(`"reqId":"${requestId}"`) && text.includes('"answered"'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ trace_id: TRACE_ID, span_id: request.id });
    const timeline = await api.as(CLIENT).get<Timeline>(`/v1/disputes/${dispute.id}/timeline`);
    expect(timeline.body.data[0]?.cause).toEqual(`request:${requestId}`);
  });

  test('and in the problem of a request that is refused', async () => {
    const traceId = TRACE_ID.replace('4b', '5b');
    const headers = { traceparent: `00-${traceId}-${CALLER_SPAN}-01` };
    const refused = await api.as(FREELANCER).post(`/v1/disputes/${dispute.id}/accept`, {}, headers);
    const { requestId: refusedId } = refused.problem;
    const span = await waitFor('its span', () =>
      collector.spans.find((one) => one.attributes['resolution_center.request_id'] === refusedId),
    );
    expect(span).toMatchObject({ traceId, attributes: { 'http.response.status_code': 409 } });
  });

  test('a transaction that several requests share is a span of its own, linked with each of theirs', async () => {
    const orders = await Promise.all(Array.from({ length: 16 }, () => seedOrder(api)));
    await Promise.all(
      orders.map(({ id }, n) =>
        api.as(CLIENT).post(`/v1/orders/${id}/disputes`, REQUESTS.order_update, {
          traceparent: `00-7${TRACE_ID.slice(1, -2)}${10 + n}-${CALLER_SPAN}-01`,
        }),
      ),
    );
    const batch = await waitFor('the span of a batch', () => collector.spans.find(({ name }) => name === 'batch'));
    expect(batch).toMatchObject({ parentId: null, role: 'api' });
    expect(batch.attributes['resolution_center.batch_size']).toBe(batch.links.length);
    const requests = await waitFor('the spans of its requests', () => {
      const found = collector.spans.filter(({ id }) => batch.links.includes(id));
      return found.length === batch.links.length && found;
    });
    // Reports of the orders may have shared one as well.
    for (const { traceId, links } of requests) {
      expect([traceId === batch.traceId, links]).toEqual([false, [batch.id]]);
    }
  });

  test('a trace that its caller does not keep is not kept here either', async () => {
    const traceId = TRACE_ID.replace('4b', '6b');
    const { id: orderId } = await seedOrder(api);
    await api.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, REQUESTS.order_update, {
      traceparent: `00-${traceId}-${CALLER_SPAN}-00`,
    });
    const kept = await api.database.query(
      'SELECT 1 FROM log_entries WHERE order_id = $1 AND trace_parent IS NOT NULL AND type LIKE $2',
      [orderId, 'dispute.%'],
    );
    expect(kept).toEqual([]);
    await api.stop();
    await worker.stop();
    expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([]);
  });

  test('nothing that people wrote is in any of it, and no query', () => {
    expect(collector.received()).toContain('resolution_center.request_id');
    expect(collector.received()).not.toContain(CANARY);
    expect(collector.received()).not.toMatch(/SELECT|INSERT/);
  });
});

test.each([
  ['OTEL_TRACES_EXPORTER', { OTEL_TRACES_EXPORTER: 'zipkin' }],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', { OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }],
])('a value of %s that there is no support for is refused at the start, in one line', async (name, env) => {
  const started = runProgram('main.js', [], {
    env: { ...testEnvironment('postgres://localhost:1/x', 'redis://localhost:1'), ...env },
  });
  expect(await started.exited).toEqual({ code: 1, signal: null });
  expect(started.stderr()).toMatch(new RegExp(`^${name} must be [^\\n]+\\n$`));
});
