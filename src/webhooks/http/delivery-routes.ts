import { z } from 'zod';
import { replyTo } from '../../http/endpoint/commands.ts';
import { decodeToken, encodeToken } from '../../http/endpoint/cursor.ts';
import { operation } from '../../http/endpoint/endpoint.ts';
import { boundedPage } from '../../http/endpoint/pages.ts';
import { stored } from '../../http/endpoint/reply.ts';
import { type AttemptRow, readDeliveries, readDeliveriesOfOrder, readDelivery } from '../inspect.ts';
import { redeliver } from '../manage.ts';
import { askedBy, mayReadResponse, noSuchDelivery, noSuchEndpoint, unlessRefused } from './access.ts';
import { NO_RESPONSES, presentDelivery } from './present.ts';
import {
  DeliveriesQuery,
  Delivery,
  DeliveryPage,
  DeliveryParams,
  EndpointParams,
  OrderDeliveriesParams,
  OrderDeliveriesQuery,
} from './schemas.ts';

const access = { scopes: ['webhooks:manage'] } as const;
const tag = 'Webhooks';
const Place = z.tuple([z.uuid()]);

const getDeliveries = operation({
  operationId: 'listWebhookDeliveries',
  method: 'GET',
  path: '/v1/webhook-endpoints/{id}/deliveries',
  tag,
  summary: 'List the deliveries to a webhook endpoint',
  description:
    'Newest first, with the attempts at each and what was answered. Deliveries that are over are kept for 30 days.',
  access,
  forOperatorsToo: true,
  params: EndpointParams,
  query: DeliveriesQuery,
  success: [{ status: 200, description: 'One page.', schema: DeliveryPage }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params, query: { status, limit, cursor }, reply }) => {
    const list = ['webhook deliveries', params.id, status ?? null];
    const [beforeId] = cursor === undefined ? [null] : decodeToken(cursor, list, Place);
    const found = await readDeliveries(deps.write.db, { endpointId: params.id, status, beforeId, limit });
    if (found === undefined) throw noSuchEndpoint();
    const { rows, nextId, endpoint, attempts } = found;
    const isReadable = (attempt: AttemptRow) => mayReadResponse(caller, endpoint, attempt);
    const { data, next } = boundedPage(rows, {
      present: (row) => presentDelivery(row, attempts, isReadable),
      placeBehind: ({ id }) => id,
      next: nextId,
    });
    return reply(200, { data, nextCursor: next === null ? null : encodeToken([next], list) });
  },
});

const getDelivery = operation({
  operationId: 'getWebhookDelivery',
  method: 'GET',
  path: '/v1/webhook-deliveries/{id}',
  tag,
  summary: 'Read a delivery',
  description: 'One delivery, with the attempts at it and what was answered.',
  access,
  forOperatorsToo: true,
  params: DeliveryParams,
  success: [{ status: 200, description: 'The delivery.', schema: Delivery }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params: { id }, reply }) => {
    const found = await readDelivery(deps.write.db, id);
    if (found === undefined) throw noSuchDelivery();
    const { delivery, endpoint, attempts } = found;
    return reply(
      200,
      presentDelivery(delivery, attempts, (one) => mayReadResponse(caller, endpoint, one)),
    );
  },
});

const OrderPlace = z.tuple([z.int().min(0), z.uuid()]);

const getOrderDeliveries = operation({
  operationId: 'listOrderDeliveries',
  method: 'GET',
  path: '/v1/ops/orders/{orderId}/deliveries',
  tag: 'Operations',
  summary: "List the deliveries of an order's events",
  description:
    'To all webhook endpoints, newest event first, with the attempts at each; `response` is always null. Deliveries that are ' +
    'over are kept for 30 days. An order without deliveries has an empty list, and so does one that does not exist.',
  access: { scopes: ['ops'] },
  params: OrderDeliveriesParams,
  query: OrderDeliveriesQuery,
  success: [{ status: 200, description: 'One page.', schema: DeliveryPage }],
  problems: [],
  handle: async ({ deps, params: { orderId }, query: { limit, cursor }, reply }) => {
    const list = ['deliveries of an order', orderId];
    const [orderVersion, endpointId] = cursor === undefined ? [] : decodeToken(cursor, list, OrderPlace);
    const before = orderVersion === undefined || endpointId === undefined ? null : { orderVersion, endpointId };
    const { rows, next, attempts } = await readDeliveriesOfOrder(deps.write.db, orderId, before, limit);
    return reply(200, {
      data: rows.map((row) => presentDelivery(row, attempts, NO_RESPONSES)),
      nextCursor: next === null ? null : encodeToken([next.orderVersion, next.endpointId], list),
    });
  },
});

const redeliverMessage = operation({
  operationId: 'redeliverWebhook',
  method: 'POST',
  path: '/v1/webhook-deliveries/{id}/redeliver',
  tag,
  summary: 'Deliver a message again',
  description:
    'Sends a message now, with the same `webhook-id` and a new series of attempts. One that waits for an earlier event of ' +
    'its order goes on waiting. The answer leaves `response` out of the attempts, since it is kept for its key.',
  access,
  forOperatorsToo: true,
  params: DeliveryParams,
  takesKey: true,
  success: [{ status: 202, description: 'The message is on its way.', schema: Delivery }],
  problems: ['not_found'],
  handle: async (call) => {
    const outcome = await redeliver(call.deps.write, { ...askedBy(call), id: call.params.id }, (row, attempts) =>
      stored(call.reply(202, presentDelivery(row, attempts, NO_RESPONSES))),
    );
    return replyTo(unlessRefused(outcome));
  },
});

export const webhookDeliveryRoutes = [getDeliveries, getDelivery, redeliverMessage, getOrderDeliveries];
