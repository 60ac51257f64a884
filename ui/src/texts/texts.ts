import english from './english.json' with { type: 'json' };

/** Texts by key. A text may have placeholders: `{name}`. */
export type Texts = Readonly<Record<string, string>>;
export type Params = Readonly<Record<string, string | number>>;

/** Looks a text up: the first of the keys that there is one for. */
export type Translate = (keys: string | readonly string[], params?: Params) => string | null;

const fill = (text: string, params: Params): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));

/** Reads nested objects of texts as flat keys: `{ a: { b: 'text' } }` as `a.b`. */
function flatten(value: unknown, prefix = ''): [string, string][] {
  if (typeof value === 'string') return [[prefix, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => flatten(one, prefix === '' ? key : `${prefix}.${key}`));
}

/** The texts of an answer of `GET /v1/texts`, over the English ones that the element brings with it. */
export function textsOf(answer: unknown): Texts {
  return { ...english, ...Object.fromEntries(flatten(answer)) };
}

/** The texts before, or without, an answer. */
export const ENGLISH: Texts = english;

/** Makes the look-up of some texts. */
export function createTranslate(texts: Texts): Translate {
  return (keys, params = {}) => {
    const key = typeof keys === 'string' ? keys : keys.find((one) => texts[one] !== undefined);
    const text = key === undefined ? undefined : texts[key];
    return text === undefined ? null : fill(text, params);
  };
}

/** A code as words, for one that no text is known for: `in_dispute` as “In dispute”. */
export function humanize(code: string): string {
  const words = code.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What the texts of a locale are, and the locale that dates and prices are written in. */
export interface Language {
  readonly locale: string;
  readonly texts: Texts;
}

type ReadTexts = (locale: string) => Promise<{ readonly locale: string; readonly texts: unknown } | null>;

const loaded = new Map<string, Promise<Language>>();

/** Reads the texts of a locale once for all elements of the page. Without an answer they are English. */
export function loadTexts(store: { readonly readTexts: ReadTexts }, api: string, locale: string): Promise<Language> {
  const key = `${api} ${locale}`;
  const known = loaded.get(key);
  if (known !== undefined) return known;
  const loading = store.readTexts(locale).then((answer) => {
    if (answer === null) loaded.delete(key);
    const given = answer?.locale ?? 'en';
    // A region of the same language keeps its dates and prices: de-AT. In another language they would be a mixture.
    const isSameLanguage = new Intl.Locale(given).language === new Intl.Locale(locale).language;
    return { locale: isSameLanguage ? locale : given, texts: textsOf(answer?.texts) };
  });
  loaded.set(key, loading);
  return loading;
}
