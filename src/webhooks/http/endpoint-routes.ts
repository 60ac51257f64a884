import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { type Outcome, runOnce } from '../../application/idempotent.ts';
import { replyTo, respond } from '../../http/endpoint/commands.ts';
import { decodeToken, encodeToken } from '../../http/endpoint/cursor.ts';
import { type HttpDeps, operation } from '../../http/endpoint/endpoint.ts';
import { idempotencyKey } from '../../http/endpoint/idempotency-key.ts';
import { inputError } from '../../http/problems/input-errors.ts';
import { invalidInput, positionAhead, problemError, UNAVAILABLE } from '../../http/problems/problems.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { urlFault } from '../../platform/network/public-address.ts';
import { type Tx, withTx } from '../../platform/postgres/database.ts';
import { withRetry } from '../../platform/postgres/retry.ts';
import type { StoredResponse } from '../../store/idempotency.ts';
import { changeEndpoint } from '../changes.ts';
import { queueMessage } from '../queue.ts';
import { TEST } from '../states.ts';
import {
  deleteEndpoint,
  findEndpoint,
  insertEndpoint,
  listEndpoints,
  movePosition,
  replaceSecret,
} from '../store/endpoints.ts';
import { endOfLog } from '../store/fan-out.ts';
import { changeOnce, checkMayChange, lockForChange, noSuchEndpoint } from './access.ts';
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
const SECRET_BYTES = 32;
const LIST = 'webhook endpoints';
const Place = z.tuple([z.uuid()]);

function encryptionOf({ webhooks }: HttpDeps): Encryption {
  if (webhooks.encryption !== null) return webhooks.encryption;
  throw problemError('unavailable', 'Webhooks are off here: WEBHOOK_ENCRYPTION_KEY is not set.', {
    ...(UNAVAILABLE.headers !== undefined && { headers: UNAVAILABLE.headers }),
  });
}

function checkUrl({ webhooks }: HttpDeps, url: string | undefined): void {
  const message = url === undefined ? null : urlFault(url, webhooks.allowInsecure);
  if (message !== null) throw invalidInput(inputError('/url', 'invalid_format', {}, message));
}

const newSecret = (): string => `whsec_${randomBytes(SECRET_BYTES).toString('base64')}`;

// An answer with a secret is kept for its key like any other, but not as it is.
const KEPT_ANSWER = 'kept answer';
const encryptedAnswer = (encryption: Encryption, response: StoredResponse): StoredResponse => ({
  ...response,
  body: encryption.encrypt(response.body, KEPT_ANSWER),
});

function decryptedAnswer(encryption: Encryption, outcome: Outcome): Outcome {
  if (!('response' in outcome)) return outcome;
  return {
    ...outcome,
    response: { ...outcome.response, body: encryption.decrypt(outcome.response.body, KEPT_ANSWER) },
  };
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
  problems: [],
  handle: async (call) => {
    const { deps, caller, body } = call;
    const encryption = encryptionOf(deps);
    checkUrl(deps, body.url);
    checkMayChange(caller, body);
    const outcome = await runOnce(deps.write.db, idempotencyKey(call), async (tx) => {
      const [id, secret] = [deps.write.newId(), newSecret()];
      const row = await insertEndpoint(tx, {
        ...body,
        id,
        secret: encryption.encrypt(secret, id),
        createdBy: caller.id,
      });
      const location = `/v1/webhook-endpoints/${id}`;
      return encryptedAnswer(encryption, respond(201, { ...presentEndpoint(row), secret }, { location }));
    });
    return replyTo(decryptedAnswer(encryption, outcome));
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
  query: EndpointsQuery,
  success: [{ status: 200, description: 'One page.', schema: EndpointPage }],
  problems: [],
  handle: async ({ deps, query: { limit, cursor } }) => {
    const [after] = cursor === undefined ? [null] : decodeToken(cursor, LIST, Place);
    const rows = await listEndpoints(deps.write.db, after, limit + 1);
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const nextCursor = rows.length > limit && last !== undefined ? encodeToken([last.id], LIST) : null;
    return { status: 200, body: { data: page.map(presentEndpoint), nextCursor } };
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
  handle: async ({ deps, params: { id } }) => {
    const row = await findEndpoint(deps.write.db.query, id);
    if (row === undefined) throw noSuchEndpoint();
    return { status: 200, body: presentEndpoint(row) };
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
  handle: async ({ deps, caller, params: { id }, body }) => {
    checkUrl(deps, body.url);
    const change = async (tx: Tx) => {
      const before = await lockForChange(tx, caller, id);
      if (before === undefined) return undefined;
      checkMayChange(caller, { includeComments: body.includeComments ?? false });
      return await changeEndpoint(tx, before, body);
    };
    const row = await withRetry(() => withTx(deps.write.db, change), { idempotent: true });
    if (row === undefined) throw noSuchEndpoint();
    return { status: 200, body: presentEndpoint(row) };
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
  handle: async ({ deps, caller, params: { id } }) => {
    const row = await withTx(deps.write.db, async (tx) => {
      await lockForChange(tx, caller, id);
      return await deleteEndpoint(tx, id);
    });
    if (row === undefined) throw noSuchEndpoint();
    return { status: 200, body: { id, deleted: true } };
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
    const encryption = encryptionOf(deps);
    const outcome = await changeOnce(call, params.id, async (tx) => {
      const secret = newSecret();
      const row = await replaceSecret(tx, params.id, encryption.encrypt(secret, params.id), body.keepPreviousFor);
      if (row === undefined) throw noSuchEndpoint();
      return encryptedAnswer(encryption, respond(200, { ...presentEndpoint(row), secret }));
    });
    return replyTo(decryptedAnswer(encryption, outcome));
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
    const { deps, params } = call;
    const { newId } = deps.write;
    const outcome = await changeOnce(call, params.id, async (tx, endpoint) => {
      const payload = { type: TEST, timestamp: new Date().toISOString(), data: { endpointId: endpoint.id } };
      const message = { deliveryId: newId(), messageId: newId(), type: TEST, payload };
      const row = await queueMessage(tx, endpoint, message);
      return respond(202, presentDelivery(row, [], NO_RESPONSES), { location: `/v1/webhook-deliveries/${row.id}` });
    });
    return replyTo(outcome);
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
    const { params, body } = call;
    const outcome = await changeOnce(call, params.id, async (tx) => {
      const end = await endOfLog(tx);
      if (body.after > end) throw positionAhead(end);
      const row = await movePosition(tx, params.id, body.after);
      if (row === undefined) throw noSuchEndpoint();
      return respond(202, presentEndpoint(row));
    });
    return replyTo(outcome);
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
