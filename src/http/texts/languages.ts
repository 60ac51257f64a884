import type { FastifyRequest } from 'fastify';
import type { Reason } from '../../domain/reasons.ts';
import de from './de.json' with { type: 'json' };
import en from './en.json' with { type: 'json' };
import es from './es.json' with { type: 'json' };
import fr from './fr.json' with { type: 'json' };
import ptBR from './pt-BR.json' with { type: 'json' };

/** Texts by key. A text may have placeholders: `{name}`. */
export type Texts = Readonly<Record<keyof typeof en, string>>;

/** The texts of each language that there are texts in, by its BCP 47 tag. */
export const TEXTS = { en, de, es, fr, 'pt-BR': ptBR } as const satisfies Readonly<Record<string, Texts>>;

export type Locale = keyof typeof TEXTS;
export const LOCALES = Object.keys(TEXTS) as Locale[];

/** The language of a request that names none, or one without texts. */
export const DEFAULT_LOCALE: Locale = 'en';

function languageOf(tag: string): string | null {
  try {
    return new Intl.Locale(tag.replaceAll('_', '-')).language;
  } catch {
    return null;
  }
}

/** The best match for a language tag, by its language: `de-AT` is met by `de`, `pt` by `pt-BR`. Null if there is none. */
function matchOf(tag: string): Locale | null {
  const language = languageOf(tag);
  return LOCALES.find((locale) => languageOf(locale) === language) ?? null;
}

/** The label of a reason, as its opener would say it. */
export function reasonLabel({ role, code, label }: Reason, locale: Locale): string {
  const texts: Readonly<Record<string, string>> = TEXTS[locale];
  return texts[`reason.${role}.${code}.opener`] ?? label;
}

/** The locale for a requested tag; English for a language without texts and for what is no tag. */
export function localeFor(tag: string): Locale {
  return matchOf(tag) ?? DEFAULT_LOCALE;
}

/** The locale that a request's Accept-Language prefers among those with texts, else English. */
export function acceptedLocale(request: FastifyRequest): Locale {
  // A request whose address is no URL is answered before plugins have extended it.
  if (!('accepts' in request)) return DEFAULT_LOCALE;
  for (const tag of request.accepts().languages()) {
    const locale = matchOf(tag);
    if (locale !== null) return locale;
  }
  return DEFAULT_LOCALE;
}
