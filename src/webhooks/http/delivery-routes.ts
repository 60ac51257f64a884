import { z } from 'zod';
import { replyTo, respond } from '../../http/endpoint/commands.ts';
import { decodeToken, encodeToken } from '../../http/endpoint/cursor.ts';
import { operation } from '../../http/endpoint/endpoint.ts';
import { queueAgain } from '../queue.ts';
import { type AttemptRow, attemptsOf } from '../store/attempts.ts';
import { findDelivery, listDeliveries } from '../store/deliveries.ts';
import { findEndpoint } from '../store/endpoints.ts';
import { changeDeliveryOnce, mayReadResponse, noSuchDelivery, noSuchEndpoint } from './access.ts';
import { NO_RESPONSES, presentDelivery } from './present.ts';
import { DeliveriesQuery, Delivery, DeliveryPage, DeliveryParams, EndpointParams } from './schemas.ts';

const access = { scopes: ['webhooks:manage'] } as const;
const tag = 'Webhooks';
const ATTEMPTS_SHOWN = 20;
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
  params: EndpointParams,
  query: DeliveriesQuery,
  success: [{ status: 200, description: 'One page.', schema: DeliveryPage }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params, query: { status, limit, cursor } }) => {
    const { db } = deps.write;
    const list = ['webhook deliveries', params.id, status ?? null];
    const [beforeId] = cursor === undefined ? [null] : decodeToken(cursor, list, Place);
    const endpoint = await findEndpoint(db.query, params.id);
    if (endpoint === undefined) throw noSuchEndpoint();
    const rows = await listDeliveries(db, { endpointId: params.id, status, beforeId, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const attempts = await attemptsOf(
      db,
      page.map(({ id }) => id),
      ATTEMPTS_SHOWN,
    );
    const last = page.at(-1);
    const nextCursor = rows.length > limit && last !== undefined ? encodeToken([last.id], list) : null;
    const isReadable = (attempt: AttemptRow) => mayReadResponse(caller, endpoint, attempt);
    return { status: 200, body: { data: page.map((row) => presentDelivery(row, attempts, isReadable)), nextCursor } };
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
  params: DeliveryParams,
  success: [{ status: 200, description: 'The delivery.', schema: Delivery }],
  problems: ['not_found'],
  handle: async ({ deps, caller, params: { id } }) => {
    const { db } = deps.write;
    const row = await findDelivery(db.query, id);
    const endpoint = row === undefined ? undefined : await findEndpoint(db.query, row.endpointId);
    if (row === undefined || endpoint === undefined) throw noSuchDelivery();
    const attempts = await attemptsOf(db, [id], ATTEMPTS_SHOWN);
    return { status: 200, body: presentDelivery(row, attempts, (one) => mayReadResponse(caller, endpoint, one)) };
  },
});

const redeliver = operation({
  operationId: 'redeliverWebhook',
  method: 'POST',
  path: '/v1/webhook-deliveries/{id}/redeliver',
  tag,
  summary: 'Deliver a message again',
  description:
    'Sends a message now, with the same `webhook-id` and a new series of attempts. One that waits for an earlier event of ' +
    'its order goes on waiting. The answer leaves `response` out of the attempts, since it is kept for its key.',
  access,
  params: DeliveryParams,
  takesKey: true,
  success: [{ status: 202, description: 'The message is on its way.', schema: Delivery }],
  problems: ['not_found'],
  handle: async (call) => {
    const { deps, params } = call;
    const outcome = await changeDeliveryOnce(call, params.id, async (tx, endpoint) => {
      const row = await queueAgain(tx, endpoint, params.id);
      if (row === undefined) throw noSuchDelivery();
      const attempts = await attemptsOf(deps.write.db, [row.id], ATTEMPTS_SHOWN);
      return respond(202, presentDelivery(row, attempts, NO_RESPONSES));
    });
    return replyTo(outcome);
  },
});

export const webhookDeliveryRoutes = [getDeliveries, getDelivery, redeliver];
