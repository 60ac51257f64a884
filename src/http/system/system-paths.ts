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

const WRONG_METHOD = {
  description: '`method_not_allowed`: to any other method.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const get = (operationId: string, summary: string, description: string, responses: Record<string, unknown>) => ({
  get: {
    operationId,
    summary,
    description,
    tags: ['System'],
    security: [],
    responses: { ...responses, '405': WRONG_METHOD },
  },
});

/** The part of the document that is not about disputes, and needs no token. */
export const systemPaths = {
  '/healthz': get('getHealth', 'Alive', 'Whether the process answers at all.', {
    '200': { description: 'Alive.', content: { 'application/json': { schema: HEALTH } } },
  }),
  '/readyz': get(
    'getReadiness',
    'Ready',
    'Whether the service can do its work. Without Redis it can, only less promptly.',
    {
      '200': readiness(
        'Ready, or `degraded` while Redis is away or refuses the service, or while the queue is paused.',
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
};
