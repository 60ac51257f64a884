import { z } from 'zod';
import { replyTo } from '../../http/endpoint/commands.ts';
import { decodeToken, encodeToken } from '../../http/endpoint/cursor.ts';
import { type HttpDeps, operation } from '../../http/endpoint/endpoint.ts';
import { boundedPage } from '../../http/endpoint/pages.ts';
import { stored } from '../../http/endpoint/reply.ts';
import { inputError } from '../../http/problems/input-errors.ts';
import { invalidInput, problemError } from '../../http/problems/problems.ts';
import { RETRY_SOON } from '../../http/problems/unavailable.ts';
import { urlFault } from '../../platform/network/public-address.ts';
import { readEndpoint, readEndpoints } from '../inspect.ts';
import * as manage from '../manage.ts';
import { askedBy, noSuchEndpoint, unlessRefused } from './access.ts';
import { NO_RESPONSES, presentDelivery, presentEndpoint } from './present.ts';
import {
  DeletedEndpoint,
  Delivery,
  Endpoint,
  EndpointChange,
  EndpointPage,
  EndpointParams,
  EndpointsQuery,
  EndpointWithSecret,
  NewEndpoint,
  Replay,
  Rotation,
} from './schemas.ts';

const access = { scopes: ['webhooks:manage'] } as const;
const tag = 'Webhooks';
const LIST = 'webhook endpoints';
const Place = z.tuple([z.uuid()]);

/** What it takes to make a secret. */
function withEncryption({ write, webhooks: { encryption } }: HttpDeps) {
  if (encryption !== null) return { ...write, encryption };
  throw problemError('unavailable', 'Webhooks are off here: WEBHOOK_ENCRYPTION_KEY is not set.', {
    headers: RETRY_SOON,
  });
}

const FOR_DEVELOPMENT = 'For development, WEBHOOK_ALLOW_INSECURE=true allows http, private addresses and any port.';

function checkUrl({ webhooks }: HttpDeps, url: string | undefined): void {
  const fault = url === undefined ? null : urlFault(url, webhooks.allowInsecure);
  if (url === undefined || fault === null) return;
  const isForDevelopment = webhooks.mayAllowInsecure && urlFault(url, true) === null;
  const message = isForDevelopment ? `${fault} ${FOR_DEVELOPMENT}` : fault;
  throw invalidInput(inputError('/url', 'invalid_format', {}, message));
}

const createEndpoint = operation({
  operationId: 'createWebhookEndpoint',
  method: 'POST',
  path: '/v1/webhook-endpoints',
  tag,
  summary: 'Add a webhook endpoint',
  description:
    'Has everything that happens from now on sent to a URL, signed by the Standard Webhooks specification. Messages come at ' +
    'least once; those of one order come in the order of their `orderVersion`, one after the other.',
  access,
  body: NewEndpoint,
  takesKey: true,
  success: [
    { status: 201, description: 'The endpoint, with its secret.', schema: EndpointWithSecret, headers: ['Location'] },
  ],
  problems: ['endpoint_limit_reached'],
  handle: async (call) => {
    const { deps, body } = call;
    const writing = withEncryption(deps);
    checkUrl(deps, body.url);
    const outcome = await manage.addEndpoint(writing, askedBy(call), body, (row, secret) => {
      const location = `/v1/webhook-endpoints/${row.id}`;
      return stored(call.reply(201, { ...presentEndpoint(row), secret }, { location }));
    });
    return replyTo(unlessRefused(outcome));
  },
});

const getEndpoints = operation({
  operationId: 'listWebhookEndpoints',
  method: 'GET',
  path: '/v1/webhook-endpoints',
  tag,
  summary: 'List webhook endpoints',
  description: 'All endpoints, oldest first.',
  access,
  forOperatorsToo: true,
  query: EndpointsQuery,
  success: [{ status: 200, description: 'One page.', schema: EndpointPage }],
  problems: [],
  handle: async ({ deps, query: { limit, cursor }, reply }) => {
    const [after] = cursor === undefined ? [null] : decodeToken(cursor, LIST, Place);
    const { rows, nextId } = await readEndpoints(deps.write.db, after, limit);
    const { data, next } = boundedPage(rows, { present: presentEndpoint, placeBehind: ({ id }) => id, next: nextId });
    return reply(200, { data, nextCursor: next === null ? null : encodeToken([next], LIST) });
  },
});

const getEndpoint = operation({
  operationId: 'getWebhookEndpoint',
  method: 'GET',
  path: '/v1/webhook-endpoints/{id}',
  tag,
  summary: 'Read a webhook endpoint',
  description: 'One endpoint, without its secret.',
  access,
  params: EndpointParams,
  success: [{ status: 200, description: 'The endpoint.', schema: Endpoint }],
  problems: ['not_found'],
  handle: async ({ deps, params: { id }, reply }) => {
    const row = await readEndpoint(deps.write.db, id);
    if (row === undefined) throw noSuchEndpoint();
    return reply(200, presentEndpoint(row));
  },
});

const updateEndpoint = operation({
  operationId: 'updateWebhookEndpoint',
  method: 'PATCH',
  path: '/v1/webhook-endpoints/{id}',
  tag,
  summary: 'Change a webhook endpoint',
  description:
    'Changes what is given. An endpoint that was disabled is made active again with `active: true`. That, and another URL, ' +
    'have everything that failed sent soon; with another URL the ten attempts begin anew. What waits and is of a type that ' +
    'the endpoint does not want any more is skipped.',
  access,
  params: EndpointParams,
  body: EndpointChange,
  success: [{ status: 200, description: 'The endpoint as it is now.', schema: Endpoint }],
  problems: ['not_found'],
  handle: async (call) => {
    const { deps, params, body } = call;
    checkUrl(deps, body.url);
    const row = unlessRefused(await manage.updateEndpoint(deps.write, { ...askedBy(call), id: params.id }, body));
    return call.reply(200, presentEndpoint(row));
  },
});

const removeEndpoint = operation({
  operationId: 'deleteWebhookEndpoint',
  method: 'DELETE',
  path: '/v1/webhook-endpoints/{id}',
  tag,
  summary: 'Delete a webhook endpoint',
  description: 'Removes an endpoint with all of its deliveries. What is on its way may still arrive.',
  access,
  params: EndpointParams,
  success: [{ status: 200, description: 'It is gone.', schema: DeletedEndpoint }],
  problems: ['not_found'],
  handle: async (call) => {
    const { id } = unlessRefused(
      await manage.removeEndpoint(call.deps.write, { ...askedBy(call), id: call.params.id }),
    );
    return call.reply(200, { id, deleted: true });
  },
});

const rotateSecret = operation({
  operationId: 'rotateWebhookSecret',
  method: 'POST',
  path: '/v1/webhook-endpoints/{id}/rotate-secret',
  tag,
  summary: 'Rotate the secret of a webhook endpoint',
  description:
    'Makes a new secret. For `keepPreviousFor` messages carry two signatures, one by each, so that a receiver can change ' +
    'over without missing any. A secret that was still kept from an earlier rotation is dropped.',
  access,
  params: EndpointParams,
  body: Rotation,
  bodyMayBeAbsent: true,
  takesKey: true,
  success: [{ status: 200, description: 'The endpoint, with its new secret.', schema: EndpointWithSecret }],
  problems: ['not_found'],
  handle: async (call) => {
    const { deps, params, body } = call;
    const asked = { ...askedBy(call), id: params.id };
    const outcome = await manage.rotateSecret(withEncryption(deps), asked, body.keepPreviousFor, (row, secret) =>
      stored(call.reply(200, { ...presentEndpoint(row), secret })),
    );
    return replyTo(unlessRefused(outcome));
  },
});

const testEndpoint = operation({
  operationId: 'testWebhookEndpoint',
  method: 'POST',
  path: '/v1/webhook-endpoints/{id}/test',
  tag,
  summary: 'Send a test message',
  description:
    'Sends a message of type `webhook_endpoint.test` to the endpoint, whether or not it is active; read the delivery to see ' +
    'what came of it.',
  access,
  params: EndpointParams,
  takesKey: true,
  success: [{ status: 202, description: 'The message is on its way.', schema: Delivery, headers: ['Location'] }],
  problems: ['not_found'],
  handle: async (call) => {
    const outcome = await manage.sendTest(call.deps.write, { ...askedBy(call), id: call.params.id }, (row) => {
      const location = `/v1/webhook-deliveries/${row.id}`;
      return stored(call.reply(202, presentDelivery(row, [], NO_RESPONSES), { location }));
    });
    return replyTo(unlessRefused(outcome));
  },
});

const replayEvents = operation({
  operationId: 'replayWebhookEvents',
  method: 'POST',
  path: '/v1/webhook-endpoints/{id}/replay',
  tag,
  summary: 'Deliver past events again',
  description:
    'Moves the endpoint back to a position: all events behind it are delivered again, in their order and with the same ' +
    '`webhook-id`. A position ahead of the endpoint changes nothing; one beyond the end of the log is refused.',
  access,
  params: EndpointParams,
  body: Replay,
  takesKey: true,
  success: [{ status: 202, description: 'The endpoint with its position.', schema: Endpoint }],
  problems: ['not_found', 'position_ahead'],
  handle: async (call) => {
    const { deps, params, body } = call;
    const outcome = await manage.replayEvents(deps.write, { ...askedBy(call), id: params.id }, body.after, (row) =>
      stored(call.reply(202, presentEndpoint(row))),
    );
    return replyTo(unlessRefused(outcome));
  },
});

export const webhookEndpointRoutes = [
  createEndpoint,
  getEndpoints,
  getEndpoint,
  updateEndpoint,
  removeEndpoint,
  rotateSecret,
  testEndpoint,
  replayEvents,
];
