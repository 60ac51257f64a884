import { beforeAll, describe, expect, test } from 'vitest';
import { anOrderReport, CLIENT, FREELANCER, newOrderId, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const DATE = '2031-12-01T17:00:00.000Z';

async function errorsOf(body: unknown, sub = FREELANCER) {
  const { id } = await seedOrder(service, { deliverBy: DATE });
  return (await service.as(sub).post(`/v1/orders/${id}/disputes`, body)).problem.errors;
}

const USD = { amount: 1, currency: 'USD' };
const extra = (over: object) => ({
  type: 'order_change',
  change: { extras: [{ title: 'Files', price: USD, ...over }] },
});
const cancel = (over: object) => ({ type: 'cancellation', comment: 'Late.', ...over });

describe('what is wrong with a request is said', () => {
  test.each<[string, unknown, object]>([
    ['something missing', {}, { pointer: '/type', code: 'required', message: 'This is required.' }],
    ['null where a value is required', { type: null }, { pointer: '/type', code: 'required' }],
    ['no body', undefined, { pointer: '', code: 'required', message: 'Send a JSON object as the body.' }],
    ['something unknown', cancel({ note: 1 }), { pointer: '/note', code: 'unknown' }],
    ['a text elsewhere', [], { pointer: '', code: 'invalid_type', params: { expected: 'object' } }],
    [
      'another type of value',
      cancel({ comment: 7 }),
      { pointer: '/comment', code: 'invalid_type', params: { expected: 'string' }, message: 'Send a text.' },
    ],
    [
      'a fraction',
      extra({ price: { amount: 0.5, currency: 'USD' } }),
      {
        pointer: '/change/extras/0/price/amount',
        code: 'invalid_type',
        params: { expected: 'integer' },
        message: 'Send a whole number.',
      },
    ],
    [
      'a number in quotes',
      extra({ price: { amount: '5', currency: 'USD' } }),
      {
        code: 'invalid_type',
        params: { expected: 'integer' },
        message: 'Send a whole number, without quotes around it.',
      },
    ],
    [
      'an emoji that was cut in half',
      cancel({ comment: 'Late \ud83d' }),
      { pointer: '/comment', code: 'invalid_format', message: expect.stringMatching(/^Write each character whole/) },
    ],
    [
      'half an emoji in a title',
      extra({ title: '\ude00 files' }),
      {
        pointer: '/change/extras/0/title',
        code: 'invalid_format',
        message: expect.stringMatching(/^Write each character whole/),
      },
    ],
    [
      'a control character',
      cancel({ comment: 'Late\u0007' }),
      { code: 'invalid_format', message: 'Leave out control characters; line breaks and tabs may stay.' },
    ],
    [
      'too much',
      extra({ price: { amount: 2 ** 53, currency: 'USD' } }),
      { pointer: '/change/extras/0/price/amount', code: 'too_big', params: { maximum: Number.MAX_SAFE_INTEGER } },
    ],
    [
      'too little',
      extra({ price: { amount: -1, currency: 'USD' } }),
      { code: 'too_small', params: { minimum: 0 }, message: 'Choose at least 0.' },
    ],
    [
      'a long text',
      cancel({ comment: 'x'.repeat(4_001) }),
      {
        pointer: '/comment',
        code: 'too_long',
        params: { maximum: 4_000, unit: 'characters' },
        message: 'Write at most 4,000 characters.',
      },
    ],
    ['a blank text', cancel({ comment: ' \u200b' }), { pointer: '/comment', code: 'blank' }],
    [
      'a long list',
      { type: 'order_change', change: { extras: Array(21).fill({ title: 'Files', price: USD }) } },
      {
        pointer: '/change/extras',
        code: 'too_long',
        params: { maximum: 20, unit: 'items' },
        message: 'Give at most 20 items.',
      },
    ],
    [
      'an empty list',
      { type: 'order_change', change: { extras: [] } },
      {
        pointer: '/change/extras',
        code: 'too_short',
        params: { minimum: 1, unit: 'items' },
        message: 'Give at least 1 item.',
      },
    ],
    [
      'another choice',
      { type: 'refund' },
      {
        pointer: '/type',
        code: 'not_one_of',
        params: { values: ['order_update', 'cancellation', 'order_change'] },
        message: 'Choose one of: order_update, cancellation, order_change.',
      },
    ],
    [
      'a date that is none',
      { type: 'order_change', change: { deliverBy: 'soon' } },
      {
        pointer: '/change/deliverBy',
        code: 'invalid_format',
        message: 'Write an RFC 3339 date and time, such as 2026-12-01T18:00:00+01:00.',
      },
    ],
    [
      'a day that no month has',
      { type: 'order_change', change: { deliverBy: '2031-02-30T00:00:00Z' } },
      { code: 'invalid_format', message: 'There is no such date or time.' },
    ],
    [
      'a date without an offset',
      { type: 'order_change', change: { deliverBy: '2031-02-03t00:00:00' } },
      { code: 'invalid_format', message: 'Add the offset from UTC: Z, or one such as +01:00.' },
    ],
    [
      'a date before all dates',
      { type: 'order_change', change: { deliverBy: '1960-01-01T00:00:00Z' } },
      { code: 'too_small', params: { earliest: '1970-01-01T00:00:00.000Z' } },
    ],
  ])('%s', async (_what, body, error) => {
    const [first] = (await errorsOf(body)) ?? [];
    expect(first).toMatchObject(error);
  });

  test.each<[string, string, unknown, object]>([
    [
      'a date that is not later than the one agreed',
      FREELANCER,
      { type: 'order_change', change: { deliverBy: '2031-11-01T00:00:00Z' } },
      {
        pointer: '/change/deliverBy',
        code: 'not_later_than',
        params: { than: DATE },
        message: 'Choose a date later than 1 December 2031 at 17:00 UTC.',
      },
    ],
    ['a change of nothing', FREELANCER, { type: 'order_change' }, { pointer: '/change', code: 'required' }],
    [
      'a change where none belongs',
      CLIENT,
      cancel({ change: { deliverBy: DATE } }),
      { pointer: '/change', code: 'unknown' },
    ],
    [
      'extras in another currency than the order',
      FREELANCER,
      extra({ price: { amount: 1, currency: 'EUR' } }),
      { pointer: '/change/extras/0/price/currency', code: 'not_one_of', params: { values: ['USD'] } },
    ],
    [
      'no comment',
      CLIENT,
      { type: 'cancellation' },
      { pointer: '/comment', code: 'required', message: 'Write a comment.' },
    ],
    ['no reason', FREELANCER, cancel({}), { pointer: '/reason', code: 'required', message: 'Choose a reason.' }],
    [
      "the other party's reason",
      FREELANCER,
      cancel({ reason: 'late_delivery' }),
      { pointer: '/reason', code: 'not_one_of' },
    ],
    [
      'a reason for an update',
      CLIENT,
      { type: 'order_update', reason: 'other' },
      { pointer: '/reason', code: 'unknown' },
    ],
  ])('also where it depends on the order: %s', async (_what, sub, body, error) => {
    expect(await errorsOf(body, sub)).toMatchObject([error]);
  });

  test('once for each part, for twenty parts at most, and without repeating what was written', async () => {
    const { problem, text } = await service.withScopes('orders:write').put(`/v1/orders/${newOrderId()}`, {
      ...anOrderReport({ title: '\u0007' }),
      'a secret sentence': 1,
      ...Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`unknown${index}`, 1])),
    });
    const pointers = problem.errors?.map(({ pointer }) => pointer) ?? [];
    expect([pointers.length, new Set(pointers).size]).toEqual([20, 20]);
    expect(problem.detail).toBe('42 parts of the request are not valid; `errors` says what is wrong with each.');
    expect(text).not.toContain('secret sentence');
  });

  test.each([
    ['limit=abc', 'invalid_type', 'Send a whole number, in plain decimal digits.'],
    ['limit=-1', 'invalid_type', 'Send a whole number, in plain decimal digits.'],
    ['limit=1e1', 'invalid_type', 'Send a whole number, in plain decimal digits.'],
    ['limit=0', 'too_small', 'Choose at least 1.'],
    ['limit=99999999999999999999', 'too_big', 'Choose at most 100.'],
    ['updatedAfter=2031-02-03T00:00:00+01:00', 'invalid_format', expect.stringContaining('%2B')],
    ['orderId=%ED%A0%80', 'invalid_format', expect.stringMatching(/^Write 1 to 128 of/)],
    ['cursor=%ED%A0%80', 'invalid_format', 'Send the nextCursor of a page of the same list.'],
  ])('about a query: %s', async (query, code, message) => {
    // Twice, since nothing of one refusal may stay for the next.
    for (const _time of ['first', 'second']) {
      const { problem } = await service.as(CLIENT).get(`/v1/disputes?${query}`);
      expect(problem.errors).toMatchObject([{ pointer: `/query/${query.split('=')[0]}`, code, message }]);
    }
  });

  test('about a flag in a query', async () => {
    const { id } = await seedOrder(service);
    const refused = await service.as(CLIENT).post(`/v1/orders/${id}/disputes?dryRun=yes`, { type: 'order_update' });
    expect(refused.problem.errors).toMatchObject([
      { pointer: '/query/dryRun', code: 'invalid_type', message: 'Write true or false.' },
    ]);
  });

  test('in the detail, too, where it is one', async () => {
    const { problem } = await service.as(CLIENT).get('/v1/disputes?limit=101');
    expect(problem.detail).toBe('/query/limit: Choose at most 100.');
  });
});

describe('a refusal for people', () => {
  test('has no id in it, and sends those of a completed order to customer support', async () => {
    const { orderId, id } = await seedDispute(service, 'cancellation');
    const second = await service.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, { type: 'order_update' });
    expect(second.problem).toMatchObject({ code: 'dispute_already_open', openDispute: { id } });
    expect(second.problem.detail).not.toMatch(/[0-9a-f]{8}-/);

    const completed = await seedOrder(service, { status: 'completed' });
    const over = await service.as(CLIENT).post(`/v1/orders/${completed.id}/disputes`, { type: 'order_update' });
    expect(over.problem).toMatchObject({ code: 'order_not_disputable', reason: 'order_completed' });
    expect(over.problem.detail).toContain('Contact customer support');
  });

  test('says nothing of customer support where the parties cancelled the order', async () => {
    const { orderId, id } = await seedDispute(service, 'cancellation');
    await service.as(FREELANCER).post(`/v1/disputes/${id}/accept`);
    const over = await service.as(CLIENT).post(`/v1/orders/${orderId}/disputes`, { type: 'order_update' });
    expect(over.problem).toMatchObject({ code: 'order_not_disputable', reason: 'order_cancelled' });
    expect(over.text).not.toMatch(/customer support/i);
    const center = await service.as(CLIENT).get(`/v1/orders/${orderId}/resolution-center`);
    expect(center.text).not.toMatch(/customer support/i);
  });
});
