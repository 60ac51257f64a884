import { describe, expect, test } from 'vitest';
import type { OpenAction } from '../../../ui/src/api-types.ts';
import {
  bodyOf,
  type Draft,
  emptyDraft,
  faultsOf,
  faultsOfProblem,
  lengthOf,
  needsComment,
} from '../../../ui/src/forms/draft.ts';

const NOW = Date.parse('2026-11-23T12:00:00.000Z');
const AFTER = '2026-12-01T17:00:00.000Z';

const action = (fields: Partial<OpenAction['fields']>): OpenAction => ({
  action: 'open',
  type: 'any',
  allowed: true,
  blocked: null,
  label: '',
  href: '/',
  windowSeconds: 172_800,
  onExpiry: { action: 'cancel_order', orderStatus: 'mutually_cancelled' },
  fields: {
    reason: null,
    comment: { presence: 'optional', minLength: 1, maxLength: 10 },
    change: null,
    ...fields,
  },
});

const cancellation = action({
  reason: {
    presence: 'required',
    options: [
      { code: 'late', label: '', requiresComment: false },
      { code: 'other', label: '', requiresComment: true },
    ],
  },
});

const change = action({
  change: {
    presence: 'required',
    minParts: 1,
    deliverBy: { presence: 'optional', after: AFTER },
    extras: {
      minItems: 1,
      maxItems: 20,
      titleMinLength: 1,
      titleMaxLength: 5,
      priceMin: 0,
      priceMax: 100_000,
      currency: 'USD',
    },
  },
});

const draft = (over: Partial<Draft>): Draft => ({ ...emptyDraft('any'), ...over });
const codes = (of: OpenAction, over: Partial<Draft>) =>
  Object.fromEntries([...faultsOf(of, draft(over), NOW, 'en')].map(([pointer, { code }]) => [pointer, code]));

describe('a draft of a request', () => {
  test('needs the reason and the comment that its fields and its reason ask for', () => {
    expect(codes(cancellation, {})).toEqual({ '/reason': 'required' });
    expect(codes(cancellation, { reason: 'late' })).toEqual({});
    expect(codes(cancellation, { reason: 'other', comment: ' \n ' })).toEqual({ '/comment': 'required' });
    expect(needsComment(action({ comment: { presence: 'required', minLength: 1, maxLength: 10 } }), draft({}))).toBe(
      true,
    );
  });

  test('counts a comment as the API does: code points, after trimming', () => {
    expect(lengthOf(' 🙂🙂 \r\n')).toBe(2);
    expect(codes(cancellation, { reason: 'late', comment: '🙂'.repeat(10) })).toEqual({});
    expect(codes(cancellation, { reason: 'late', comment: '🙂'.repeat(11) })).toEqual({ '/comment': 'too_long' });
  });

  test('of a change needs a later date or extras, each with a title and a price within the bounds', () => {
    expect(codes(change, {})).toEqual({ '/change': 'change' });
    expect(codes(change, { deliverBy: '2026-11-30T00:00' })).toEqual({ '/change/deliverBy': 'not_later_than' });
    expect(codes(change, { deliverBy: '2026-12-05T00:00' })).toEqual({});
    const extras = [
      { title: '', price: '1' },
      { title: 'toolong', price: 'x' },
      { title: 'fine', price: '1000.01' },
      { title: 'fine', price: '12.345' },
    ];
    expect(codes(change, { extras })).toEqual({
      '/change/extras/0/title': 'required',
      '/change/extras/1/title': 'too_long',
      '/change/extras/1/price': 'price',
      '/change/extras/2/price': 'price',
      '/change/extras/3/price': 'price',
    });
  });

  test('becomes the body of the request, without what was left empty', () => {
    expect(bodyOf(cancellation, draft({ type: 'any', reason: 'late', comment: ' Late. ' }), 'en')).toEqual({
      type: 'any',
      reason: 'late',
      comment: 'Late.',
    });
    expect(bodyOf(change, draft({ extras: [{ title: ' Logo ', price: '12,50' }] }), 'de')).toEqual({
      type: 'any',
      change: { extras: [{ title: 'Logo', price: { amount: 1_250, currency: 'USD' } }] },
    });
    const deliverBy = '2026-12-05T00:00';
    expect(bodyOf(change, draft({ deliverBy }), 'en')).toEqual({
      type: 'any',
      change: { deliverBy: new Date(deliverBy).toISOString() },
    });
  });
});

describe('a refusal', () => {
  test('is shown at the field that it is about', () => {
    const errors = [
      { pointer: '/change/extras/0/price/amount', code: 'too_big', params: { maximum: 5 }, message: 'm' },
    ];
    expect([...faultsOfProblem('validation_failed', '', errors)]).toEqual([
      ['/change/extras/0/price', { code: 'too_big', params: { maximum: 5 }, message: 'm' }],
    ]);
    expect([...faultsOfProblem('comment_required', 'Say why.', []).keys()]).toEqual(['/comment']);
    expect(faultsOfProblem('dispute_already_open', '', []).size).toBe(0);
  });
});
