import { beforeAll, describe, expect, test } from 'vitest';
import { CLIENT, FREELANCER, seedDispute } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

let service: Service;
let paths: string[];
let dispute: string;
beforeAll(async () => {
  service = await startService();
  const { id, orderId } = await seedDispute(service, 'cancellation');
  dispute = `/v1/disputes/${id}`;
  paths = [`/v1/orders/${orderId}`, dispute, `/v1/orders/${orderId}/resolution-center`];
});

const get = (path: string, tag?: string, method = 'GET', sub = CLIENT) =>
  service.as(sub).send(method, path, tag === undefined ? {} : { 'if-none-match': tag });
const tagOf = async (path: string, sub = CLIENT) => (await get(path, undefined, 'GET', sub)).headers['etag'] ?? '';

describe('who has the current version gets 304 instead of it', () => {
  test('of an order, a dispute and a resolution center, by GET and by HEAD', async () => {
    for (const path of paths) {
      const full = await get(path);
      for (const method of ['GET', 'HEAD']) {
        const answer = await get(path, await tagOf(path), method);
        expect([path, method, answer.status, answer.text]).toEqual([path, method, 304, '']);
        for (const name of ['etag', 'cache-control', 'vary'])
          expect([name, answer.headers[name]]).toEqual([name, full.headers[name]]);
        expect(answer.headers['content-type']).toBeUndefined();
      }
    }
  });

  test.each<[string, (tag: string) => string]>([
    ['any', () => '*'],
    ['one of a list', (tag) => `"x", ${tag}`],
    ['a tag that a proxy made weak', (tag) => `W/${tag}`],
    ['a tag that a proxy marked as compressed', (tag) => tag.replace(/"$/, '-gzip"')],
  ])('with %s', async (_what, rewrite) => {
    expect((await get(dispute, rewrite(await tagOf(dispute)))).status).toBe(304);
  });

  test('and without a token nothing at all', async () => {
    const tag = await tagOf(dispute);
    const answer = await service.withAuthorization(null).send('GET', dispute, { 'if-none-match': tag });
    expect(answer.status).toBe(401);
    expect((await get(dispute, tag, 'GET', 'user-1')).status).toBe(404);
  });
});

describe('the whole answer comes', () => {
  test('where the tag is an old one, or that of the view of another caller', async () => {
    const old = await tagOf(dispute);
    await service.as(FREELANCER).post(`${dispute}/comments`, { comment: 'Wait.' });
    const others = await tagOf(dispute, FREELANCER);
    for (const tag of [old, others, others.replace(/\..*"$/, '"'), '"x"']) {
      expect([tag, (await get(dispute, tag)).status]).toEqual([tag, 200]);
    }
  });

  test('once a comment was erased, though nothing else happened', async () => {
    const { id } = await seedDispute(service, 'cancellation', { opener: FREELANCER });
    const path = `/v1/disputes/${id}`;
    await service.as(FREELANCER).post(`${path}/withdraw`);
    const tag = await tagOf(path);
    await service.withScopes('ops').post('/v1/ops/erasures', { userId: FREELANCER });
    expect((await get(path, tag)).status).toBe(200);
  });

  test('from what has no tag, whatever is asked', async () => {
    for (const path of ['/v1/disputes', `${dispute}/timeline`]) expect((await get(path, '*')).status).toBe(200);
  });
});

test.each(['x', '', '"x', '*, "x"'])('If-None-Match is refused where it is no entity tag: %j', async (value) => {
  const { status, problem } = await get(dispute, value);
  expect([status, problem.code, problem.errors?.[0]?.pointer]).toEqual([
    400,
    'validation_failed',
    '/header/if-none-match',
  ]);
});
