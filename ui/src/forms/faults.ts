import type { Format } from '../texts/format.ts';
import type { Translate } from '../texts/texts.ts';
import type { Fault } from './draft.ts';

const isDate = (value: unknown): value is string => typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value);

/** What a fault is put into words with. */
interface Words {
  readonly translate: Translate;
  readonly format: Format;
}

/** The variant of an error's text: some are another one for lists and for dates. */
function variantOf(params: Readonly<Record<string, unknown>>): string {
  if (params['unit'] === 'items') return '.items';
  return params['earliest'] === undefined && params['latest'] === undefined ? '' : '.date';
}

/** What is wrong with a field, in words. */
export function faultText({ translate, format }: Words, { code, params = {}, message }: Fault): string {
  const shown = Object.entries(params).map(([name, value]) => [
    name,
    isDate(value) ? format.dateTime(value) : typeof value === 'number' ? format.number(value) : String(value),
  ]);
  const keys = [`error.${code}${variantOf(params)}`, `error.${code}`];
  return translate(keys, Object.fromEntries(shown)) ?? message ?? translate('error.required') ?? '';
}
