import { beforeAll, describe, expect, test } from 'vitest';
import { PROBLEMS } from '../../../src/http/problems/problems.ts';
import { anOrderReport, CLIENT, FREELANCER, REQUESTS, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const JSON_TYPE = { 'content-type': 'application/json' };
const STRANGER = 'user-1';

/** What a request got, in one word. */
const said = ({ status, code }: { status: number; code: string | null }) =>
  code === null ? status : `${status} ${code}`;

async function open(sub: string, body: object, order: Parameters<typeof seedOrder>[1] = {}) {
  const { id } = await seedOrder(service, order);
  return await service.as(sub).post(`/v1/orders/${id}/disputes`, body);
}

async function act(type: keyof typeof REQUESTS, sub: string, action: string, body: object = {}) {
  const { id } = await seedDispute(service, type);
  return await service.as(sub).post(`/v1/disputes/${id}/${action}`, body);
}

async function resolvedId(type: keyof typeof REQUESTS): Promise<string> {
  const { id, opener } = await seedDispute(service, type);
  await service.as(opener.id).post(`/v1/disputes/${id}/withdraw`);
  return id;
}

test('every code has the status that was promised', () => {
  const { internal_error: _never, ...kinds } = PROBLEMS;
  const promised: Readonly<Record<keyof typeof kinds, number>> = {
    ...{ validation_failed: 400, malformed_json: 400, unauthenticated: 401, forbidden: 403, not_respondent: 403 },
    ...{ not_opener: 403, action_not_allowed: 403, not_found: 404, method_not_allowed: 405, not_acceptable: 406 },
    ...{ payload_too_large: 413, unsupported_media_type: 415, dispute_already_open: 409, dispute_not_open: 409 },
    ...{ response_window_closed: 409, order_not_disputable: 409, stale_revision: 409, order_closed: 409 },
    ...{
      parties_immutable: 409,
      idempotency_key_in_use: 409,
      position_ahead: 409,
      change_outdated: 409,
      version_mismatch: 412,
      reason_not_allowed: 422,
    },
    ...{ reason_required: 422, comment_required: 422, invalid_change: 422, idempotency_key_reused: 422 },
    ...{ notice_limit_reached: 409 },
    ...{ clock_limit_reached: 409, clock_busy: 409, order_has_disputes: 409 },
    ...{ comment_limit_reached: 409, dispute_limit_reached: 409, endpoint_limit_reached: 409, cooldown_active: 409 },
    ...{ request_timeout: 408, rate_limited: 429, headers_too_large: 431, unavailable: 503 },
  };
  expect(Object.fromEntries(Object.entries(kinds).map(([code, { status }]) => [code, status]))).toEqual(promised);
});

describe('the first thing that is wrong is what is said', () => {
  test('of an answer to a dispute', async () => {
    const dispute = await seedDispute(service, 'order_update');
    const closed = await resolvedId('order_update');
    const at = (id: string) => `/v1/disputes/${id}/provide-update`;
    const stale = { ...JSON_TYPE, 'if-match': '"7"' };
    const steps: [string, string, string | null, string, Record<string, string>, string][] = [
      ['401 unauthenticated', at(closed), null, 'text', { 'content-type': 'text/plain' }, '401'],
      ['415 unsupported_media_type', at(closed), STRANGER, 'text', { 'content-type': 'text/plain' }, '415'],
      ['413 payload_too_large', at(closed), STRANGER, 'x'.repeat(200_000), stale, '413'],
      ['400 malformed_json', at(closed), STRANGER, '{', stale, '400'],
      ['400 validation_failed', at(closed), STRANGER, '{"comment":" "}', stale, '400'],
      ['404 not_found', at(closed), STRANGER, '{}', stale, '404'],
      ['403 not_respondent', at(closed), CLIENT, '{}', stale, '403'],
      ['409 dispute_not_open', at(closed), FREELANCER, '{}', stale, '409'],
      ['412 version_mismatch', at(dispute.id), FREELANCER, '{}', stale, '412'],
      ['422 comment_required', at(dispute.id), FREELANCER, '{}', { ...JSON_TYPE, 'if-match': dispute.etag }, '422'],
    ];
    for (const [expected, path, sub, payload, headers] of steps) {
      const caller = sub === null ? service.withAuthorization(null) : service.as(sub);
      expect(said(await caller.send('POST', path, headers, payload))).toBe(expected);
    }
    const comment = JSON.stringify({ comment: 'Half of it is done.' });
    expect((await service.as(FREELANCER).send('POST', at(dispute.id), JSON_TYPE, comment)).status).toBe(200);
  });

  test('of a request to open one', async () => {
    const wrong = { type: 'order_change', reason: 'other' };
    expect(said(await open(STRANGER, { ...wrong, more: 1 }, { status: 'completed' }))).toBe('400 validation_failed');
    expect(said(await open(STRANGER, wrong, { status: 'completed' }))).toBe('404 not_found');
    expect(said(await open(CLIENT, wrong, { status: 'completed' }))).toBe('403 action_not_allowed');
    expect(said(await open(FREELANCER, wrong, { status: 'completed' }))).toBe('409 order_not_disputable');
    const { orderId } = await seedDispute(service, 'cancellation');
    const second = await service.as(FREELANCER).post(`/v1/orders/${orderId}/disputes`, wrong);
    expect(said(second)).toBe('409 dispute_already_open');
    expect(said(await open(FREELANCER, wrong))).toBe('422 reason_not_allowed');
  });

  test('of a service that asks for what is for the parties', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const reader = service.withScopes('disputes:read');
    const path = `/v1/disputes/${id}/accept`;
    expect(said(await reader.post(path, { comment: '' }))).toBe('400 validation_failed');
    expect(said(await reader.post(path, {}, { 'idempotency-key': '' }))).toBe('400 validation_failed');
    expect(said(await reader.post(path, {}))).toBe('403 forbidden');
  });
});

describe('a request to open a dispute is refused', () => {
  const LATER = '2032-01-01T00:00:00Z';
  const change = (over: object) => ({ type: 'order_change', change: over });

  test.each([
    ['an order_update by the freelancer', FREELANCER, REQUESTS.order_update, '403 action_not_allowed', undefined],
    ['an order_change by the client', CLIENT, REQUESTS.order_change, '403 action_not_allowed', undefined],
    [
      'a cancellation by the client without a comment',
      CLIENT,
      { type: 'cancellation', reason: 'late_delivery' },
      '422 comment_required',
      '/comment',
    ],
    [
      'a cancellation by the freelancer without a reason',
      FREELANCER,
      { type: 'cancellation', comment: 'So.' },
      '422 reason_required',
      '/reason',
    ],
    [
      'a reason that wants a comment, without one',
      FREELANCER,
      { type: 'cancellation', reason: 'excessive_revisions' },
      '422 comment_required',
      '/comment',
    ],
    [
      'a reason of the other role',
      FREELANCER,
      { type: 'cancellation', reason: 'late_delivery' },
      '422 reason_not_allowed',
      '/reason',
    ],
    [
      'a reason that does not exist',
      CLIENT,
      { ...REQUESTS.cancellation, reason: 'bad_mood' },
      '422 reason_not_allowed',
      '/reason',
    ],
    [
      'a reason for an order_update',
      CLIENT,
      { type: 'order_update', reason: 'other' },
      '422 reason_not_allowed',
      '/reason',
    ],
    [
      'a reason for an order_change',
      FREELANCER,
      { ...REQUESTS.order_change, reason: 'other' },
      '422 reason_not_allowed',
      '/reason',
    ],
    ['an order_change without a change', FREELANCER, { type: 'order_change' }, '422 invalid_change', '/change'],
    ['an order_change of nothing', FREELANCER, change({}), '422 invalid_change', '/change'],
    [
      'a cancellation with a change',
      CLIENT,
      { ...REQUESTS.cancellation, change: { deliverBy: LATER } },
      '422 invalid_change',
      '/change',
    ],
    [
      'a date in the past',
      FREELANCER,
      change({ deliverBy: '2001-01-01T00:00:00Z' }),
      '422 invalid_change',
      '/change/deliverBy',
    ],
    [
      'a date before the current one',
      FREELANCER,
      change({ deliverBy: '2031-12-01T16:59:59.999Z' }),
      '422 invalid_change',
      '/change/deliverBy',
    ],
    [
      'the current date',
      FREELANCER,
      change({ deliverBy: '2031-12-01T17:00:00Z' }),
      '422 invalid_change',
      '/change/deliverBy',
    ],
    [
      'the current date elsewhere',
      FREELANCER,
      change({ deliverBy: '2031-12-01T18:00:00+01:00' }),
      '422 invalid_change',
      '/change/deliverBy',
    ],
    ['an unknown type', CLIENT, { type: 'refund' }, '400 validation_failed', '/type'],
    ['no type', CLIENT, { comment: 'So.' }, '400 validation_failed', '/type'],
    ['something more', CLIENT, { ...REQUESTS.order_update, urgent: true }, '400 validation_failed', '/urgent'],
    ['no extras', FREELANCER, change({ extras: [] }), '400 validation_failed', '/change/extras'],
  ] as const)('for %s', async (_what, sub, body, expected, pointer) => {
    const refused = await open(sub, body);
    expect(said(refused)).toBe(expected);
    expect(refused.problem.errors?.map((error) => error.pointer)).toEqual(
      pointer === undefined ? undefined : [pointer],
    );
  });

  test('for a date in the past also where none is agreed', async () => {
    const past = await open(FREELANCER, change({ deliverBy: '2001-01-01T00:00:00Z' }), { deliverBy: null });
    expect(said(past)).toBe('422 invalid_change');
    expect((await open(FREELANCER, change({ deliverBy: LATER }), { deliverBy: null })).status).toBe(201);
  });

  test.each(['completed', 'cancelled'] as const)('for an order that is %s, and says why', async (status) => {
    const refused = await open(CLIENT, REQUESTS.cancellation, { status });
    expect(refused).toMatchObject({
      status: 409,
      problem: { code: 'order_not_disputable', reason: `order_${status}` },
    });
  });

  test('for an order that was never reported, or to strangers', async () => {
    const nowhere = await service.as(CLIENT).post('/v1/orders/nowhere/disputes', REQUESTS.cancellation);
    expect(said(nowhere)).toBe('404 not_found');
    expect(said(await open(STRANGER, REQUESTS.cancellation))).toBe('404 not_found');
  });
});

describe('a second dispute is refused', () => {
  test.each(['order_update', 'cancellation', 'order_change'] as const)(
    'while an %s is open, with what the caller may do with that one',
    async (type) => {
      const first = await seedDispute(service, type);
      const actions = { order_update: ['provide_update'], cancellation: ['accept', 'decline'] };
      const answers = type === 'order_change' ? actions.cancellation : actions[type];
      for (const [sub, allowed] of [
        [first.opener.id, ['withdraw']],
        [first.respondent.id, answers],
      ] as const) {
        const body = sub === CLIENT ? REQUESTS.cancellation : { type: 'cancellation', reason: 'unable_to_complete' };
        const refused = await service.as(sub).post(`/v1/orders/${first.orderId}/disputes`, body);
        expect(said(refused)).toBe('409 dispute_already_open');
        const { openDispute } = refused.problem;
        expect(openDispute).toMatchObject({ id: first.id, type, opener: first.opener, respondBy: first.respondBy });
        expect(openDispute?.allowedActions.map(({ action }) => action)).toEqual(allowed);
        for (const { href, until } of openDispute?.allowedActions ?? []) {
          expect(href).toMatch(new RegExp(`^/v1/disputes/${first.id}/`));
          expect(until).toBe(first.respondBy);
        }
        expect(refused.text).not.toContain(REQUESTS.cancellation.comment);
      }
    },
  );
});

describe('an answer is refused', () => {
  const SAYS = { comment: 'So be it.' };

  test.each([
    ['accept', 'cancellation', CLIENT, '403 not_respondent'],
    ['decline', 'cancellation', CLIENT, '403 not_respondent'],
    ['accept', 'order_change', FREELANCER, '403 not_respondent'],
    ['decline', 'order_change', FREELANCER, '403 not_respondent'],
    ['provide-update', 'order_update', CLIENT, '403 not_respondent'],
    ['withdraw', 'cancellation', FREELANCER, '403 not_opener'],
    ['withdraw', 'order_update', FREELANCER, '403 not_opener'],
    ['withdraw', 'order_change', CLIENT, '403 not_opener'],
    ['accept', 'order_update', FREELANCER, '403 action_not_allowed'],
    ['decline', 'order_update', FREELANCER, '403 action_not_allowed'],
    ['provide-update', 'cancellation', FREELANCER, '403 action_not_allowed'],
    ['provide-update', 'order_change', CLIENT, '403 action_not_allowed'],
    ['accept', 'cancellation', STRANGER, '404 not_found'],
    ['comments', 'cancellation', STRANGER, '404 not_found'],
  ] as const)('%s of an %s by %s', async (action, type, sub, expected) => {
    expect(said(await act(type, sub, action, SAYS))).toBe(expected);
  });

  test('to a dispute that does not exist, with the words for one that is not the caller’s', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const words = async (disputeId: string) => {
      const { problem } = await service.as(STRANGER).post(`/v1/disputes/${disputeId}/accept`, {});
      return [problem.status, problem.title, problem.detail];
    };
    expect(await words(id)).toEqual(await words('0198c5a0-0000-7000-8000-000000000000'));
  });

  test.each(['[]', '"text"', '7', '{"comment":7}', '{"coment":"x"}'])('with the body %s', async (payload) => {
    const { id } = await seedDispute(service, 'cancellation');
    const refused = await service.as(FREELANCER).send('POST', `/v1/disputes/${id}/accept`, JSON_TYPE, payload);
    expect(said(refused)).toBe('400 validation_failed');
  });

  test.each([undefined, ''])('not for having no body: %j', async (payload) => {
    const { id } = await seedDispute(service, 'cancellation');
    const headers = payload === undefined ? {} : JSON_TYPE;
    const answer = await service.as(FREELANCER).send('POST', `/v1/disputes/${id}/accept`, headers, payload);
    expect(answer.status).toBe(200);
  });
});

describe('a problem', () => {
  test('says the same to people, programs and operators', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const path = `/v1/disputes/${id}/accept`;
    const refused = await service.as(CLIENT).post(path, {});
    expect(refused.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(refused.problem).toEqual({
      ...{
        type: 'urn:resolution-center:problem:not_respondent',
        title: 'Only the other party may answer',
        status: 403,
      },
      ...{
        detail: expect.any(String),
        instance: path,
        code: 'not_respondent',
        requestId: refused.headers['x-request-id'],
      },
    });
  });

  test.each(['/v1/disputes/', '/v1/orders/', '/v1/orders//disputes', '/v1/disputes//accept', '/v2/disputes', '/v1'])(
    'is all that there is at %s',
    async (path) => {
      for (const method of ['GET', 'POST']) {
        expect(said(await service.as(CLIENT).send(method, path, {}))).toBe('404 not_found');
        expect((await service.withAuthorization(null).send(method, path, {})).status).toBe(404);
      }
    },
  );

  test('is not what a caller gets that asks for JSON in UTF-8', async () => {
    for (const accept of ['application/json; charset=UTF-8', 'application/problem+json', 'application/*', '*/*']) {
      expect((await service.as(CLIENT).get('/v1/disputes', { accept })).status).toBe(200);
    }
  });
});

test('a report with a key is a report: keys are for what has no revision', async () => {
  const { id } = await seedOrder(service);
  const orders = service.withScopes('orders:write');
  const key = { 'idempotency-key': 'reported' };
  for (const revision of [2, 3, 3]) {
    const answer = await orders.put(`/v1/orders/${id}`, anOrderReport({ revision }), key);
    expect([answer.status, answer.headers['idempotency-replayed']]).toEqual([200, undefined]);
  }
});
