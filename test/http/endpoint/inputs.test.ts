import { beforeAll, describe, expect, test } from 'vitest';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';
import type { Dispute, Timeline } from '../../harness/types.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const GRIN = '\u{1f600}';

/** Writes a comment to a new dispute; the text as the other party reads it, or the pointers of the refusal. */
async function say(comment: unknown): Promise<string | undefined | string[]> {
  const { id } = await seedDispute(service, 'cancellation');
  const answer = await service.as(CLIENT).post(`/v1/disputes/${id}/comments`, { comment });
  if (answer.status !== 200) {
    expect(answer).toMatchObject({ status: 400, code: 'validation_failed' });
    return (answer.problem.errors ?? []).map(({ pointer }) => pointer);
  }
  const { body } = await service.as(FREELANCER).get<Timeline>(`/v1/disputes/${id}/timeline`);
  return body.data.at(-1)?.comment;
}

/** Asks for a change of an order; the change as it is kept, or the refusal. */
async function ask(change: object, deliverBy: string | null = null) {
  const { id } = await seedOrder(service, { deliverBy });
  const answer = await service
    .as(FREELANCER)
    .post<Dispute>(`/v1/orders/${id}/disputes`, { type: 'order_change', change });
  if (answer.status === 201) return answer.body.change;
  return `${answer.code} ${[...new Set(answer.problem.errors?.map(({ pointer }) => pointer))].join(' ')}`;
}

describe('a comment', () => {
  test.each([
    ['one character', 'x', 'x'],
    ['4,000 characters', 'x'.repeat(4_000), 'x'.repeat(4_000)],
    ['4,000 characters beyond the first plane', GRIN.repeat(4_000), GRIN.repeat(4_000)],
    ['4,000 characters and blanks around them', ` \n${'x'.repeat(4_000)}\t `, 'x'.repeat(4_000)],
    ['scripts from right to left, and marks', 'שלום  a\u0301e', 'שלום  \u00e1e'],
    ['lines and tabs', 'one\r\ntwo\n\n\tthree', 'one\ntwo\n\n\tthree'],
    [
      'what other places take for code',
      `<b>&amp;' OR 1=1; -- \${x} %s {{y}} \\u0000`,
      `<b>&amp;' OR 1=1; -- \${x} %s {{y}} \\u0000`,
    ],
  ])('is kept as it is written: %s', async (_what, written, kept) => {
    expect(await say(written)).toBe(kept);
  });

  test.each([
    ['nothing', ''],
    ['blanks', ' \t\n\u00a0\u3000\ufeff'],
    ['what takes no ink', '\u200b\u200d\u2060\u00ad\u180e\ufe0f\u{e0100}\u115f\u3164\uffa0\u2800'],
    ['4,001 characters', 'x'.repeat(4_001)],
    ['4,001 characters beyond the first plane', GRIN.repeat(4_001)],
    ['a NUL', 'a\u0000b'],
    ['an escape', 'a\u001b[31mb'],
    ['a delete', 'a\u007fb'],
    ['a carriage return alone', 'a\rb'],
    ['a control character of the upper half', 'a\u0085b'],
    ['half a surrogate pair', 'a\ud83d'],
    ['the other half', 'a\ude00b'],
    ['a number', 7],
    ['null where it is required', null],
    ['a list', ['x']],
  ])('is refused: %s', async (_what, written) => {
    expect(await say(written)).toEqual(['/comment']);
  });

  test('is held to the same when a dispute is opened and answered', async () => {
    const { id } = await seedOrder(service);
    const path = `/v1/orders/${id}/disputes`;
    for (const comment of ['', ' ', 'x'.repeat(4_001), '\u0007']) {
      const refused = await service.as(CLIENT).post(path, { type: 'cancellation', comment });
      expect(refused).toMatchObject({ status: 400, problem: { errors: [{ pointer: '/comment' }] } });
    }
    const opened = await service.as(CLIENT).post<Dispute>(path, { type: 'cancellation', comment: ` ${GRIN} ` });
    expect(opened.body.comment).toBe(GRIN);
    const blank = await service.as(FREELANCER).post(`/v1/disputes/${opened.body.id}/decline`, { comment: ' ' });
    expect(blank).toMatchObject({ status: 400, code: 'validation_failed' });
  });
});

describe('extras', () => {
  const priceOf = (amount: unknown, currency: unknown = 'USD') => ({ amount, currency });
  const extra = { title: 'Files', price: priceOf(1) };
  const many = (count: number) => Array.from({ length: count }, () => extra);
  const priced = (price: unknown) => ({ extras: [{ ...extra, price }] });
  const titled = (title: unknown) => ({ extras: [{ ...extra, title }] });

  test.each([
    ['one', many(1)],
    ['twenty', many(20)],
    ['for nothing', [{ ...extra, price: priceOf(0) }]],
    ['at the highest price that a number can say', [{ ...extra, price: priceOf(Number.MAX_SAFE_INTEGER) }]],
    ['with the longest title', [{ ...extra, title: GRIN.repeat(200) }]],
  ])('are kept: %s', async (_what, extras) => {
    expect(await ask({ extras })).toEqual({ deliverBy: null, extras });
  });

  test.each([
    ['none', { extras: [] }, '/change/extras'],
    ['twenty-one', { extras: many(21) }, '/change/extras'],
    ['a price below nothing', priced(priceOf(-1)), '/change/extras/0/price/amount'],
    ['half a minor unit', priced(priceOf(1.5)), '/change/extras/0/price/amount'],
    ['a price beyond what a number can say', priced(priceOf(2 ** 53)), '/change/extras/0/price/amount'],
    ['an amount that is a text', priced(priceOf('1500')), '/change/extras/0/price/amount'],
    ['a price without a currency', priced({ amount: 1 }), '/change/extras/0/price/currency'],
    ['a price that is a bare amount', priced(1500), '/change/extras/0/price'],
    ['a price of null', priced(null), '/change/extras/0/price'],
    ['a currency that does not exist', priced(priceOf(1, 'UDS')), '/change/extras/0/price/currency'],
    ['a currency of their own', { extras: [{ ...extra, currency: 'EUR' }] }, '/change/extras/0/currency'],
    ['no title', { extras: [{ price: priceOf(1) }] }, '/change/extras/0/title'],
    ['a blank title', titled(' \u00a0'), '/change/extras/0/title'],
    ['a title of fillers', titled('\u3164\u200b\u2060\ufe0f\u2800'), '/change/extras/0/title'],
    ['a title in two lines', titled('a\nb'), '/change/extras/0/title'],
    ['a title with a tab', titled('a\tb'), '/change/extras/0/title'],
    ['201 characters of title', titled('x'.repeat(201)), '/change/extras/0/title'],
  ])('are refused: %s', async (_what, change, pointer) => {
    expect(await ask(change)).toBe(`validation_failed ${pointer}`);
  });
});

describe('a date', () => {
  test.each([
    ['2032-06-01T12:00:00Z', '2032-06-01T12:00:00.000Z'],
    ['2032-06-01T12:00:00.123Z', '2032-06-01T12:00:00.123Z'],
    ['2032-06-01T12:00:00.123999Z', '2032-06-01T12:00:00.123Z'],
    ['2032-06-01T12:00:00+05:45', '2032-06-01T06:15:00.000Z'],
    ['2032-01-01T00:30:00+01:00', '2031-12-31T23:30:00.000Z'],
    ['2032-06-01T12:00:00-23:59', '2032-06-02T11:59:00.000Z'],
    ['2032-02-29T23:59:59Z', '2032-02-29T23:59:59.000Z'],
    ['2032-06-01t12:00:00.5z', '2032-06-01T12:00:00.500Z'],
    ['2032-06-01T12:00:00-00:00', '2032-06-01T12:00:00.000Z'],
    ['2032-06-30T23:59:60Z', '2032-07-01T00:00:00.000Z'],
    ['2033-01-01T00:59:60.25+01:00', '2033-01-01T00:00:00.250Z'],
    ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s is kept in UTC, in milliseconds: %s', async (deliverBy, kept) => {
    expect(await ask({ deliverBy })).toEqual({ deliverBy: kept, extras: [] });
  });

  test.each([
    '2032-06-01',
    '2032-06-01T12:00:00',
    '2032-06-01T12:00Z',
    '2032-06-01 12:00:00Z',
    '2032-02-30T12:00:00Z',
    '2031-02-29T12:00:00Z',
    '2032-06-01T24:00:00Z',
    '2032-06-30T23:59:61Z',
    '2032-06-15T23:59:60Z',
    '2032-06-30T22:59:60Z',
    '1969-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    '2032-06-01T12:00:00 01:00',
    '2032-06-01T12:00:00.Z',
    '２０３２-06-01T12:00:00Z',
    '2032-06-01T12:60:00Z',
    '2032-06-01T12:00:00+25:00',
    '+012032-06-01T12:00:00Z',
    '9999-12-31T23:59:59-01:00',
    'tomorrow',
    '',
    1_958_000_000_000,
  ])('%j is none', async (deliverBy) => {
    expect(await ask({ deliverBy })).toBe('validation_failed /change/deliverBy');
  });

  test('is compared as an instant, whatever its offset says', async () => {
    const current = '2031-12-01T17:00:00.000Z';
    const refused = 'invalid_change /change/deliverBy';
    expect(await ask({ deliverBy: '2031-12-01T22:59:59+06:00' }, current)).toBe(refused);
    expect(await ask({ deliverBy: '2031-12-01T23:00:00+06:00' }, current)).toBe(refused);
    expect(await ask({ deliverBy: '2031-12-01T12:00:00.001-05:00' }, current)).toMatchObject({
      deliverBy: '2031-12-01T17:00:00.001Z',
    });
  });
});

describe('an order id', () => {
  test.each(['a', '...', '.a', '..a', '-.', 'A-Z_0.9:x', 'x'.repeat(128)])('may be %s', async (id) => {
    const order = await seedOrder(service, {}, id);
    expect((await service.as(CLIENT).get(`/v1/orders/${order.id}`)).status).toBe(200);
  });

  test.each(['a b', 'ä', 'a/b', '\u0000', "'", 'x'.repeat(129), 'x'.repeat(2_000)])('is none: %j', async (id) => {
    const refused = await service.as(CLIENT).get(`/v1/orders/${encodeURIComponent(id)}`);
    expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
  });
});

test.each(['not-a-uuid', '0198c5a0', "0198c5a0-0000-7000-8000-00000000000'"])('%s is no dispute id', async (id) => {
  for (const path of [`/v1/disputes/${id}`, `/v1/disputes/${id}/timeline`]) {
    expect(await service.as(CLIENT).get(path)).toMatchObject({ status: 400, code: 'validation_failed' });
  }
});
