import { LOCALES, TEXTS } from '../texts/languages.ts';

const REDIS = {
  type: 'string',
  enum: ['up', 'refusing', 'down'],
  description: '`refusing`: the server answers, and does not do what the queue needs; `reason` says why.',
};
const QUEUE = {
  type: 'string',
  enum: ['paused'],
  description: 'Only while the queue is paused: its jobs are not taken, and the sweeper applies the deadlines.',
};
const WORKER = {
  type: 'string',
  enum: ['up', 'down'],
  description:
    'Of a process that serves the API. `down`: no worker lives, and a deadline takes effect only when its dispute is read. Absent ' +
    'while it is not known: PostgreSQL is away, or the process has just started, or the last worker has just stopped.',
};
const REASON = { type: 'string', description: 'Why Redis refuses the service; only where it does.' };

function readiness(description: string, statuses: readonly string[], postgres: readonly string[]) {
  const schema = {
    type: 'object',
    additionalProperties: false,
    required: ['status', 'postgres', 'redis'],
    properties: {
      status: { type: 'string', enum: statuses },
      postgres: { type: 'string', enum: postgres },
      redis: REDIS,
      queue: QUEUE,
      worker: WORKER,
      reason: REASON,
    },
  };
  return { description, content: { 'application/json': { schema } } };
}

const HEALTH = {
  type: 'object',
  additionalProperties: false,
  required: ['status', 'version'],
  properties: {
    status: { type: 'string', enum: ['ok'] },
    version: { type: 'string', description: 'The version of this build, as in `info.version`.' },
  },
};

const TAGGED = { ETag: { $ref: '#/components/headers/ETag' } };

const PROBLEM = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

const WRONG_METHOD = { description: '`method_not_allowed`: to any other method.', content: PROBLEM };

const get = (
  operationId: string,
  summary: string,
  description: string,
  responses: Record<string, unknown>,
  parameters: readonly unknown[] = [],
) => ({
  get: {
    operationId,
    summary,
    description,
    tags: ['System'],
    security: [],
    ...(parameters.length > 0 && { parameters }),
    responses: { ...responses, '405': WRONG_METHOD },
  },
});

const TEXTS_BODY = {
  type: 'object',
  additionalProperties: false,
  required: ['locale', 'texts'],
  properties: {
    locale: { type: 'string', enum: LOCALES, description: 'The language of the texts.' },
    texts: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description:
        'Texts by key. A placeholder such as `{maximum}` stands for a value of the same name in `params`, or for what the page ' +
        'shows. Take the first key that has a text: `error.change_outdated.date_passed`, else `error.change_outdated`.',
    },
  },
};

const LANGUAGE_TAGGED = { ...TAGGED, 'Content-Language': { $ref: '#/components/headers/Content-Language' } };

const EXAMPLE_TEXTS = {
  locale: 'de',
  texts: {
    'action_effect.accept.cancellation': TEXTS.de['action_effect.accept.cancellation'],
    'error.too_long': TEXTS.de['error.too_long'],
    'reason.client.late_delivery.opener': TEXTS.de['reason.client.late_delivery.opener'],
    'reason.client.late_delivery.other': TEXTS.de['reason.client.late_delivery.other'],
  },
};

const getTexts = get(
  'getTexts',
  'Texts of the codes',
  'A text for every code of the API, for the pages of the parties: `reason.{role}.{code}.opener` and `….other`, ' +
    '`dispute_type.{type}`, `action.{action}` and `action_effect.{action}.{type}`, `order_status.{status}`, ' +
    '`dispute_status.{status}`, `resolution.{resolution}`, `expiry.{action}`, `timeline.{action}.{you|client|freelancer}`, ' +
    '`event.{type}`, `problem.{code}` (titles), `error.{code}` and `error.{code}.{reason}`, and what the web component shows. ' +
    'A new release adds keys. Caches may keep an answer for five minutes.',
  {
    '200': {
      description: 'The texts.',
      headers: LANGUAGE_TAGGED,
      content: { 'application/json': { schema: TEXTS_BODY, examples: { german: { value: EXAMPLE_TEXTS } } } },
    },
    '304': { description: 'They have not changed.', headers: LANGUAGE_TAGGED },
    '400': {
      description:
        '`validation_failed`: `locale` is empty or comes twice, another parameter is sent, or `If-None-Match` has no entity tag.',
      content: PROBLEM,
    },
  },
  [
    {
      name: 'locale',
      in: 'query',
      description:
        'A BCP 47 language tag. The best match is answered: `de-AT` is met by `de`, `pt` by `pt-BR`, and everything else by ' +
        'English. Without it, `Accept-Language` decides.',
      schema: { type: 'string' },
    },
  ],
);

/** The part of the document that is not about disputes, and needs no token. */
export const systemPaths = {
  '/healthz': get('getHealth', 'Alive', 'Whether the process answers at all.', {
    '200': { description: 'Alive.', content: { 'application/json': { schema: HEALTH } } },
  }),
  '/readyz': get(
    'getReadiness',
    'Ready',
    'Whether the service can do its work. Without Redis or a worker it can, only less promptly.',
    {
      '200': readiness(
        'Ready, or `degraded` while Redis is away or refuses the service, while the queue is paused, or while no worker lives.',
        ['ready', 'degraded'],
        ['up'],
      ),
      '503': readiness('PostgreSQL is away, or takes no writes (`read_only`).', ['unavailable'], ['down', 'read_only']),
    },
  ),
  '/metrics': get(
    'getMetrics',
    'Metrics',
    'What the process measures of itself, for Prometheus. With `OPS_PORT` it is there.',
    {
      '200': { description: 'Metrics.', content: { 'text/plain': { schema: { type: 'string' } } } },
    },
  ),
  '/openapi.json': get('getOpenApi', 'This document', 'The OpenAPI document of the running version.', {
    '200': {
      description: 'The document.',
      headers: TAGGED,
      content: { 'application/json': { schema: { type: 'object' } } },
    },
    '304': { description: 'It has not changed.', headers: TAGGED },
  }),
  '/v1/texts': getTexts,
};
