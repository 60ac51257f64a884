import type { Scope } from '../../../src/application/caller.ts';
import type { seedDispute } from '../../harness/seed.ts';
import { anOrderReport } from '../../harness/seed.ts';

/** What there is when a request of the matrix is sent: an order, and an open dispute on it where the row wants one. */
export interface Scene {
  readonly orderId: string;
  readonly disputeId: string;
  readonly holdId: string;
  readonly endpointId: string;
  readonly deliveryId: string;
  readonly clockId: string;
}

/** One row of the matrix, written by hand: what each kind of caller gets. */
export interface Row {
  readonly request: (scene: Scene) => { readonly path: string; readonly body?: object };
  /** The dispute that the client opens before. */
  readonly dispute?: Parameters<typeof seedDispute>[1];
  /** Whether there is a hold. */
  readonly hold?: boolean;
  /** Whether there is a webhook endpoint, with a delivery. */
  readonly webhook?: boolean;
  /** Whether there is a test clock, in a sandbox. */
  readonly clock?: boolean;
  /** A user who is no party, the client, the freelancer. */
  readonly stranger: number;
  readonly client: number;
  readonly freelancer: number;
  /** Services by scope; 403 for those that are not named. */
  readonly services?: Partial<Record<Scope, number>>;
  /** Whether it answers with a stream, which a caller leaves as soon as it has begun. */
  readonly isStream?: true;
  /** Whether it needs no token; then every caller gets the same. */
  readonly open?: true;
}

const users = (stranger: number, client: number, freelancer: number) => ({ stranger, client, freelancer });
const NO_USER = users(403, 403, 403);

const order = (suffix = '', body?: object): Row['request'] =>
  withBody(({ orderId }) => `/v1/orders/${orderId}${suffix}`, body);
const dispute = (suffix = '', body?: object): Row['request'] =>
  withBody(({ disputeId }) => `/v1/disputes/${disputeId}${suffix}`, body);
const at = (path: string, body?: object): Row['request'] => withBody(() => path, body);

function withBody(pathOf: (scene: Scene) => string, body: object | undefined): Row['request'] {
  return (scene) => ({ path: pathOf(scene), ...(body !== undefined && { body }) });
}

const MANAGER = (status: number) => ({ ...NO_USER, services: { 'webhooks:manage': status } });
const HOOK = { url: 'https://mail.example/hooks' };
const endpoint = (status: number, suffix = '', body?: object): Row => ({
  request: withBody(({ endpointId }) => `/v1/webhook-endpoints/${endpointId}${suffix}`, body),
  webhook: true,
  ...MANAGER(status),
});
const delivery = (status: number, suffix = ''): Row => ({
  request: withBody(({ deliveryId }) => `/v1/webhook-deliveries/${deliveryId}${suffix}`, undefined),
  webhook: true,
  ...MANAGER(status),
});

const clock = (status: number, suffix = '', body?: object): Row => ({
  request: withBody(({ clockId }) => `/v1/test-clocks/${clockId}${suffix}`, body),
  clock: true,
  ...NO_USER,
  services: { 'test:clocks': status },
});

const SAYS = { comment: 'So be it.' };
const A_NOTICE = () => ({ role: 'freelancer', channel: 'email', deliveredAt: new Date().toISOString() });
const ANY_SERVICE = {
  'orders:write': 200,
  'disputes:read': 200,
  'events:read': 200,
  'notices:write': 200,
  'comments:read': 200,
  'webhooks:manage': 200,
  'test:clocks': 200,
  ops: 200,
} as const;
const SYSTEM = { ...users(200, 200, 200), services: ANY_SERVICE, open: true } as const;

/** Every operation of the OpenAPI document. One that is not here fails the test of the matrix. */
export const EXPECTATIONS: Readonly<Record<string, Row>> = {
  reportOrder: { request: order('', anOrderReport({ revision: 2 })), ...NO_USER, services: { 'orders:write': 200 } },
  getOrder: { request: order(), ...users(404, 200, 200), services: { 'disputes:read': 200 } },
  getResolutionCenter: { request: order('/resolution-center'), ...users(404, 200, 200) },
  openDispute: {
    request: order('/disputes', { type: 'cancellation', reason: 'other', ...SAYS }),
    ...users(404, 201, 201),
  },
  listOrderDisputes: { request: order('/disputes'), ...users(404, 200, 200), services: { 'disputes:read': 200 } },
  listDisputes: { request: at('/v1/disputes'), ...users(200, 200, 200), services: { 'disputes:read': 200 } },
  getDisputeSummary: { request: at('/v1/disputes/summary'), ...users(200, 200, 200) },
  getDispute: {
    request: dispute(),
    dispute: 'cancellation',
    ...users(404, 200, 200),
    services: { 'disputes:read': 200 },
  },
  getTimeline: {
    request: dispute('/timeline'),
    dispute: 'cancellation',
    ...users(404, 200, 200),
    services: { 'disputes:read': 200 },
  },
  acceptDispute: { request: dispute('/accept', SAYS), dispute: 'cancellation', ...users(404, 403, 200) },
  declineDispute: { request: dispute('/decline', SAYS), dispute: 'cancellation', ...users(404, 403, 200) },
  provideUpdate: { request: dispute('/provide-update', SAYS), dispute: 'order_update', ...users(404, 403, 200) },
  withdrawDispute: { request: dispute('/withdraw', SAYS), dispute: 'cancellation', ...users(404, 200, 403) },
  markDisputeSeen: { request: dispute('/seen'), dispute: 'cancellation', ...users(404, 200, 200) },
  recordNotice: {
    request: (scene) => ({ ...dispute('/notices')(scene), body: A_NOTICE() }),
    dispute: 'cancellation',
    ...NO_USER,
    services: { 'notices:write': 200 },
  },
  addComment: { request: dispute('/comments', SAYS), dispute: 'cancellation', ...users(404, 200, 200) },
  listEvents: { request: at('/v1/events'), ...NO_USER, services: { 'events:read': 200 } },
  createWebhookEndpoint: { request: at('/v1/webhook-endpoints', HOOK), ...MANAGER(201) },
  listWebhookEndpoints: { request: at('/v1/webhook-endpoints'), ...MANAGER(200) },
  getWebhookEndpoint: endpoint(200),
  updateWebhookEndpoint: endpoint(200, '', { active: false }),
  deleteWebhookEndpoint: endpoint(200),
  rotateWebhookSecret: endpoint(200, '/rotate-secret'),
  testWebhookEndpoint: endpoint(202, '/test'),
  replayWebhookEvents: endpoint(202, '/replay', { after: 0 }),
  listWebhookDeliveries: endpoint(200, '/deliveries'),
  getWebhookDelivery: delivery(200),
  redeliverWebhook: delivery(202, '/redeliver'),
  streamOrderEvents: { request: order('/events/stream'), ...users(404, 200, 200), isStream: true },
  streamEvents: { request: at('/v1/events/stream'), ...users(200, 200, 200), isStream: true },
  listReasons: { request: at('/v1/reasons'), ...users(200, 200, 200), services: ANY_SERVICE },
  getStatistics: { request: at('/v1/stats'), ...NO_USER, services: { 'disputes:read': 200 } },
  listDeadlines: { request: at('/v1/ops/deadlines'), ...NO_USER, services: { ops: 200 } },
  reconcileDeadlines: { request: at('/v1/ops/deadlines/reconcile'), ...NO_USER, services: { ops: 200 } },
  createHold: { request: at('/v1/ops/holds', { note: 'Mail is down.' }), ...NO_USER, services: { ops: 201 } },
  listOrderDeliveries: {
    request: ({ orderId }) => ({ path: `/v1/ops/orders/${orderId}/deliveries` }),
    ...NO_USER,
    services: { ops: 200 },
  },
  listHolds: { request: at('/v1/ops/holds'), ...NO_USER, services: { ops: 200 } },
  releaseHold: {
    request: ({ holdId }) => ({ path: `/v1/ops/holds/${holdId}` }),
    hold: true,
    ...NO_USER,
    services: { ops: 200 },
  },
  eraseComments: { request: at('/v1/ops/erasures', { userId: 'user-7' }), ...NO_USER, services: { ops: 200 } },
  createTestClock: { request: at('/v1/test-clocks', {}), ...NO_USER, services: { 'test:clocks': 201 } },
  listTestClocks: { request: at('/v1/test-clocks'), ...NO_USER, services: { 'test:clocks': 200 } },
  getTestClock: clock(200),
  advanceTestClock: clock(200, '/advance', { by: 'PT1H' }),
  deleteTestClock: clock(200),
  getHealth: { request: at('/healthz'), ...SYSTEM },
  getReadiness: { request: at('/readyz'), ...SYSTEM },
  getMetrics: { request: at('/metrics'), ...SYSTEM },
  getTexts: { request: at('/v1/texts'), ...SYSTEM },
  getOpenApi: { request: at('/openapi.json'), ...SYSTEM },
};
