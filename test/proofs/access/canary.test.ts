import { randomBytes } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import { QUEUE_NAME } from '../../../src/workers/queue.ts';
import { onCleanup } from '../../harness/cleanup.ts';
import { letTimePass } from '../../harness/database.ts';
import { TEST_PREFIX } from '../../harness/prefix.ts';
import { CLIENT, FREELANCER, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute } from '../../harness/types.ts';
import { waitFor } from '../../harness/wait-for.ts';

/** Each text that is written in this file carries it; it is found by it, wherever it has got to. */
const CANARY = `canary${randomBytes(8).toString('hex')}`;
let texts = 0;
const say = () => {
  texts += 1;
  return `${CANARY} says ${texts}: "quoted"\nand more`;
};

let service: Service;
/** What was answered, by who was told. */
const answers = { parties: '', others: '', refusals: '' };

type Reader = keyof typeof answers;

const JSON_TYPE = { 'content-type': 'application/json' };

async function send(reader: Reader, sub: string | null, method: string, path: string, payload?: string, headers = {}) {
  const client =
    reader === 'others' ? service.withScopes('disputes:read', 'events:read', 'ops') : service.as(sub ?? '');
  const all = { ...(payload !== undefined && JSON_TYPE), ...headers };
  const answer = await client.send<Dispute>(method, path, all, payload);
  answers[answer.status >= 400 ? 'refusals' : reader] += JSON.stringify(answer.headers) + answer.text;
  return answer;
}

const post = (sub: string, path: string, body: object, headers = {}) =>
  send('parties', sub, 'POST', path, JSON.stringify(body), headers);

async function open(opener = CLIENT): Promise<Dispute> {
  const { id } = await seedOrder(service);
  const reason = opener === CLIENT ? 'late_delivery' : 'unable_to_complete';
  const body = { type: 'cancellation', reason, comment: say() };
  return (await post(opener, `/v1/orders/${id}/disputes`, body, { 'idempotency-key': `open-${texts}` })).body;
}

/** What people do: open, comment, answer, withdraw, stay silent. */
async function whatPeopleDo(): Promise<void> {
  for (const action of ['accept', 'decline'] as const) {
    const dispute = await open();
    await post(FREELANCER, `/v1/disputes/${dispute.id}/comments`, { comment: say() });
    await post(FREELANCER, `/v1/disputes/${dispute.id}/${action}`, { comment: say() }, { 'idempotency-key': action });
    await post(FREELANCER, `/v1/disputes/${dispute.id}/${action}`, { comment: say() }); // too late
    for (const sub of [CLIENT, FREELANCER]) {
      for (const path of ['', '/timeline']) await send('parties', sub, 'GET', `/v1/disputes/${dispute.id}${path}`);
      await send('parties', sub, 'GET', `/v1/orders/${dispute.orderId}/resolution-center`);
    }
  }
  await post(FREELANCER, `/v1/disputes/${(await open(FREELANCER)).id}/withdraw`, { comment: say() });
  const silent = await open();
  await letTimePass(service.database, silent.id, 48 * 3_600_000);
  await waitFor('silence takes effect', async () => {
    const answer = await send('parties', CLIENT, 'GET', `/v1/disputes/${silent.id}`);
    return answer.body.resolution === 'expired';
  });
}

/** What is refused, with the text in every place in which a caller can put one. */
async function whatIsRefused(): Promise<void> {
  const dispute = await open();
  const path = `/v1/disputes/${dispute.id}`;
  const comment = say();
  await post(CLIENT, `${path}/accept`, { comment });
  await post('user-1', `${path}/accept`, { comment });
  await post(FREELANCER, `${path}/accept`, { comment, [comment]: comment });
  await post(FREELANCER, `${path}/accept`, { comment: [comment] });
  await post(FREELANCER, `${path}/accept`, { comment: `${comment}\u0000` });
  await post(FREELANCER, `${path}/accept`, { comment: comment.repeat(200) });
  await post(FREELANCER, `${path}/accept`, { comment }, { 'if-match': '"99"' });
  await send('parties', CLIENT, 'GET', `/v1/orders/${dispute.orderId}/events/stream`, undefined, {
    'last-event-id': comment.replaceAll('\n', ' '),
  });
  await post(CLIENT, `/v1/orders/${dispute.orderId}/disputes`, { type: 'cancellation', reason: 'other', comment });
  await post(CLIENT, `/v1/orders/${dispute.orderId}/disputes`, { type: 'order_update', reason: 'other', comment });
  await send('parties', FREELANCER, 'GET', `/v1/disputes?cursor=${CANARY}&comment=${CANARY}%20x`);
  await send('parties', FREELANCER, 'POST', `${path}/accept`, `{"comment":"${CANARY}`);
  await send('parties', FREELANCER, 'POST', `${path}/accept`, `{"comment":"${CANARY}","__proto__":{}}`);
  await send('parties', FREELANCER, 'POST', `${path}/accept`, `comment=${CANARY}`, { 'content-type': 'text/plain' });
  await send(
    'parties',
    FREELANCER,
    'POST',
    `${path}/accept`,
    JSON.stringify({ comment: `${CANARY}${'x'.repeat(70_000)}` }),
  );
}

/** What breaks underneath, while a text is in our hands. */
async function whatBreaks(): Promise<void> {
  const { database } = service;
  const dispute = await open();
  const accept = (expected: number, key: string) =>
    post(FREELANCER, `/v1/disputes/${dispute.id}/accept`, { comment: say() }, { 'idempotency-key': key }).then(
      ({ status }) => expect(status).toBe(expected),
    );
  // A constraint of the schema says no, and Postgres quotes the whole row in its answer.
  await database.query(`ALTER TABLE log_entries ADD CONSTRAINT says_no CHECK (comment NOT LIKE '%canary%') NOT VALID`);
  await expect(accept(500, 'constraint')).rejects.toThrow('500');
  await database.query('ALTER TABLE log_entries DROP CONSTRAINT says_no');
  // Another session holds the lock for longer than a request waits.
  const { default: pg } = await import('pg');
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  onCleanup(() => holder.end());
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [dispute.orderId]);
  await accept(503, 'lock');
  await holder.query('ROLLBACK');
  // A trigger raises with the text in its message.
  await database.query(`CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'refused', DETAIL = NEW.comment, HINT = NEW.comment; END $$`);
  await database.query('CREATE TRIGGER tells BEFORE INSERT ON log_entries FOR EACH ROW EXECUTE FUNCTION tell()');
  await expect(accept(500, 'trigger')).rejects.toThrow('500');
  await database.query('DROP TRIGGER tells ON log_entries');
  await accept(200, 'well');
}

/** Everything that services and operators can look at. */
async function whatOthersSee(): Promise<void> {
  const { id, orderId } = await open();
  const paths = [
    '/v1/disputes?limit=100',
    `/v1/disputes/${id}`,
    `/v1/disputes/${id}/timeline`,
    `/v1/orders/${orderId}`,
  ];
  const more = [
    `/v1/orders/${orderId}/disputes`,
    '/v1/events?limit=500',
    '/v1/ops/deadlines?state=pending',
    '/v1/ops/holds',
  ];
  for (const path of [...paths, ...more, '/metrics', '/readyz']) await send('others', null, 'GET', path);
}

/** What a key holds, asked for by its kind: DUMP packs short lists and compresses long texts. */
async function contentOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return await redis.hgetall(key);
    case 'zset':
      return await redis.zrange(key, '0', '-1');
    case 'list':
      return await redis.lrange(key, 0, -1);
    case 'set':
      return await redis.smembers(key);
    case 'stream':
      return await redis.xrange(key, '-', '+');
    default:
      return await redis.get(key);
  }
}

async function dumpOfRedis(): Promise<string> {
  const redis = new Redis(service.redisUrl);
  onCleanup(async () => redis.disconnect());
  const keys = await redis.keys('*');
  const lines = keys.map(async (key) => `${key} ${JSON.stringify(await contentOf(redis, key))}`);
  return (await Promise.all(lines)).join('\n');
}

beforeAll(async () => {
  service = await startService({ role: 'all', env: { LOG_LEVEL: 'trace', RATE_LIMIT_PER_MINUTE: '100000' } });
  await whatPeopleDo();
  await whatIsRefused();
  await whatBreaks();
  await whatOthersSee();
});

describe('what people write to each other', () => {
  test('is in Postgres and in what the two parties are told', async () => {
    const [stored] = await service.database.query<{ count: number }>(
      'SELECT count(*)::integer AS count FROM log_entries WHERE comment LIKE $1',
      [`${CANARY}%`],
    );
    expect(stored?.count).toBeGreaterThan(10);
    expect(answers.parties).toContain(CANARY);
  });

  test('is in no refusal, also not in the refusal of the text itself', () => {
    expect(answers.refusals.match(/"code":"\w+"/g)?.length).toBeGreaterThan(10);
    expect(answers.refusals.includes(CANARY)).toBe(false);
  });

  test('is in nothing that services and operators see', () => {
    expect(answers.others.length).toBeGreaterThan(10_000);
    expect(answers.others.includes(CANARY)).toBe(false);
  });

  test('is in no line of the log, down to trace and also where something broke', () => {
    expect(service.log.lines().filter(({ msg }) => msg === 'request failed').length).toBeGreaterThanOrEqual(3);
    expect(service.log.text().includes(CANARY)).toBe(false);
  });

  test('is in no key, job or count in Redis', async () => {
    await waitFor('the queue holds jobs', async () => (await dumpOfRedis()).includes('disputeId'));
    const dump = await dumpOfRedis();
    expect(dump).toContain(':rate:');
    expect(dump.includes(CANARY)).toBe(false);
    expect(dump.includes(CLIENT)).toBe(false);
    const connection = new Redis(service.redisUrl);
    const queue = new Queue(QUEUE_NAME, { connection, prefix: TEST_PREFIX });
    onCleanup(async () => {
      await queue.close();
      connection.disconnect();
    });
    const jobs = await queue.getJobs();
    expect(new Set(jobs.flatMap(({ data }) => Object.keys(data)))).toEqual(new Set(['disputeId', 'seq']));
  });
});
