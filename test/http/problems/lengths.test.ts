import { expect, test } from 'vitest';
import type { z } from 'zod';
import { keyFault } from '../../../src/http/endpoint/idempotency-key.ts';
import { describeErrors, errorsOf } from '../../../src/http/problems/input-errors.ts';
import { InstantInput, OrderId, UserId } from '../../../src/http/schemas/common.ts';
import { NoticeRequest } from '../../../src/http/schemas/disputes.ts';
import { Advance } from '../../../src/http/schemas/test-clocks.ts';
import { Rotation } from '../../../src/webhooks/http/schemas.ts';

function errorIn(schema: z.ZodType, value: unknown) {
  const { error } = schema.safeParse(value, { reportInput: true });
  return error === undefined ? null : (describeErrors(errorsOf('', error.issues)).errors[0] ?? null);
}

const notice = (channel: string) => ({ role: 'client', channel, deliveredAt: '2031-12-01T17:00:00Z' });

test.each<[string, (text: string) => unknown, number]>([
  ['an order id', (text) => errorIn(OrderId, text), 128],
  ['a user id', (text) => errorIn(UserId, text), 128],
  ['a channel', (text) => errorIn(NoticeRequest, notice(text)), 32],
  ['a key', (text) => keyFault({ 'idempotency-key': text }), 255],
  ['a key in quotes', (text) => keyFault({ 'idempotency-key': `"${text}"` }), 255],
])(
  'the length of %s is refused with its bound, and its characters with what it consists of',
  (_what, judge, maximum) => {
    expect(judge('')).toMatchObject({ code: 'too_short', params: { minimum: 1, unit: 'characters' } });
    expect(judge('x'.repeat(maximum))).toBeNull();
    expect(judge('x'.repeat(maximum + 1))).toMatchObject({ code: 'too_long', params: { maximum, unit: 'characters' } });
    const wrong = judge('\u00e9'.repeat(maximum + 1));
    expect(wrong).toMatchObject({ code: 'invalid_format' });
    expect(wrong).not.toHaveProperty('params');
  },
);

test.each([
  ['P8D', { code: 'too_big', params: { longest: 'P7D' }, message: 'Choose P7D or less.' }],
  ['P7D', null],
  ['PT0S', null],
  ['8 days', { code: 'invalid_format', message: 'Write an ISO 8601 duration from PT0S to P7D.' }],
])('the old secret is kept for a duration within its bound: %s', (keepPreviousFor, error) => {
  const found = errorIn(Rotation, { keepPreviousFor });
  if (error === null) expect(found).toBeNull();
  else expect(found).toMatchObject({ pointer: '/keepPreviousFor', ...error });
});

test('a date or a duration that is too long to be read is refused with the bound', () => {
  const tooLong = { code: 'too_long', params: { maximum: 40, unit: 'characters' } };
  expect(errorIn(InstantInput, `2031-12-01T17:00:00.${'0'.repeat(40)}Z`)).toMatchObject(tooLong);
  expect(errorIn(Advance, { by: `PT${'0'.repeat(40)}1S` })).toMatchObject({ pointer: '/by', ...tooLong });
});
