import type { InputError, OpenAction, Reason } from '../api-types.ts';
import { parseAmount } from '../texts/money.ts';

/** What the viewer has written of a request, as it stands in the fields. */
export interface Draft {
  readonly type: string;
  readonly reason: string;
  readonly comment: string;
  /** As `<input type="datetime-local">` has it: the visitor's time, without a zone. */
  readonly deliverBy: string;
  readonly extras: readonly ExtraDraft[];
}

export interface ExtraDraft {
  readonly title: string;
  readonly price: string;
}

/** What is wrong with a field. `code` and `params` are those of the API's input errors, or `price` and `change`. */
export interface Fault {
  readonly code: string;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** The API's own words, for a code without a text. */
  readonly message?: string | undefined;
}

/** Faults by the JSON pointer of what they are about. */
export type Faults = ReadonlyMap<string, Fault>;

export const emptyDraft = (type: string): Draft => ({ type, reason: '', comment: '', deliverBy: '', extras: [] });

/** The length of a text as the API counts it: code points after trimming. */
export const lengthOf = (text: string): number => [...text.trim().replace(/\r\n/g, '\n').normalize('NFC')].length;

export const chosenReason = ({ fields }: OpenAction, { reason }: Draft): Reason | undefined =>
  fields.reason?.options.find(({ code }) => code === reason);

/** Whether a comment has to be written, by the field itself or by the reason that is chosen. */
export const needsComment = (action: OpenAction, draft: Draft): boolean =>
  action.fields.comment.presence === 'required' || chosenReason(action, draft)?.requiresComment === true;

/** What is wrong with a comment by its field's bounds. */
export function commentFault(text: string, field: { readonly maxLength: number }, isRequired: boolean): Fault | null {
  const length = lengthOf(text);
  if (length === 0 && isRequired) return { code: 'required' };
  return length > field.maxLength ? { code: 'too_long', params: { maximum: field.maxLength } } : null;
}

/** The instant of a local date and time, in milliseconds; NaN if there is none. */
const instantOf = (local: string): number => (local === '' ? Number.NaN : new Date(local).getTime());

function changeFaults(
  { fields: { change } }: OpenAction,
  draft: Draft,
  now: number,
  locale: string,
): [string, Fault][] {
  if (change === null) return [];
  const faults: [string, Fault][] = [];
  const deliverBy = instantOf(draft.deliverBy);
  const parts = (Number.isNaN(deliverBy) ? 0 : 1) + (draft.extras.length === 0 ? 0 : 1);
  if (parts < change.minParts) faults.push(['/change', { code: 'change' }]);
  const after = Math.max(now, change.deliverBy.after === null ? now : Date.parse(change.deliverBy.after));
  if (deliverBy <= after) {
    faults.push(['/change/deliverBy', { code: 'not_later_than', params: { than: new Date(after).toISOString() } }]);
  }
  const { currency, titleMaxLength, priceMin, priceMax } = change.extras;
  draft.extras.forEach(({ title, price }, index) => {
    const titleFault = commentFault(title, { maxLength: titleMaxLength }, true);
    if (titleFault !== null) faults.push([`/change/extras/${index}/title`, titleFault]);
    const amount = parseAmount(price, currency, locale);
    if (amount === null || amount < priceMin || amount > priceMax) {
      faults.push([`/change/extras/${index}/price`, { code: 'price' }]);
    }
  });
  return faults;
}

/**
 * Holds a draft to the bounds of its action's fields.
 * @param now the service's time in milliseconds
 * @param locale the language that prices are written in
 */
export function faultsOf(action: OpenAction, draft: Draft, now: number, locale: string): Faults {
  const faults: [string, Fault][] = [];
  if (action.fields.reason?.presence === 'required' && draft.reason === '')
    faults.push(['/reason', { code: 'required' }]);
  faults.push(...changeFaults(action, draft, now, locale));
  const comment = commentFault(draft.comment, action.fields.comment, needsComment(action, draft));
  if (comment !== null) faults.push(['/comment', comment]);
  return new Map(faults);
}

/** The body of the request; the draft must have no faults. */
export function bodyOf({ type, fields }: OpenAction, draft: Draft, locale: string): Record<string, unknown> {
  const { change } = fields;
  const deliverBy = instantOf(draft.deliverBy);
  const extras = draft.extras.map(({ title, price }) => {
    const currency = change?.extras.currency ?? '';
    return { title: title.trim(), price: { amount: parseAmount(price, currency, locale), currency } };
  });
  return {
    type,
    ...(fields.reason !== null && draft.reason !== '' && { reason: draft.reason }),
    ...(draft.comment.trim() !== '' && { comment: draft.comment.trim() }),
    ...(change !== null && {
      change: {
        ...(!Number.isNaN(deliverBy) && { deliverBy: new Date(deliverBy).toISOString() }),
        ...(extras.length > 0 && { extras }),
      },
    }),
  };
}

/** Codes of refusals that are about one field. */
const FIELD_OF: Readonly<Record<string, string>> = {
  comment_required: '/comment',
  reason_required: '/reason',
  reason_not_allowed: '/reason',
  invalid_change: '/change',
};

/** The faults of a refusal, by the field that they belong to. */
export function faultsOfProblem(code: string, detail: string, errors: readonly InputError[]): Faults {
  const pointer = FIELD_OF[code];
  if (errors.length === 0) return new Map(pointer === undefined ? [] : [[pointer, { code, message: detail }]]);
  return new Map(
    errors.map(({ pointer: at, code: what, params, message }) => [
      at.replace(/^(\/change\/extras\/\d+\/price)\/.*/, '$1'),
      { code: what, params, message },
    ]),
  );
}
