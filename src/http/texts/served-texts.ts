import type { FastifyInstance } from 'fastify';
import { varyOn } from '../server/compression.ts';
import { type ServedText, sendText, servedText } from '../system/served-text.ts';
import { acceptedLocale, type Locale, localeFor, TEXTS } from './languages.ts';

/** Shared caches may keep the texts, which are the same for every caller; a release shows within five minutes. */
const CACHE_CONTROL = 'public, max-age=300';

/** The texts are for pages of every origin, as the web component is; they grant nothing by themselves. */
const FOR_EVERY_ORIGIN = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };

/** The requested language tag: absent and empty are the same, and what comes twice is no tag. */
function requestedTag(query: unknown): string | null {
  const { locale } = query as { readonly locale?: string | readonly string[] }; // as the parser of queries makes it
  if (locale === undefined || locale === '') return null;
  return typeof locale === 'string' ? locale : '';
}

/** Serves the texts of the API's codes at /v1/texts. */
export function registerTexts(app: FastifyInstance): void {
  const made = new Map<Locale, ServedText>();
  const served = (locale: Locale): ServedText => {
    const known =
      made.get(locale) ??
      servedText('application/json; charset=utf-8', JSON.stringify({ locale, texts: TEXTS[locale] }));
    made.set(locale, known);
    return known;
  };
  app.get('/v1/texts', (request, reply) => {
    const tag = requestedTag(request.query);
    const locale = tag === null ? acceptedLocale(request) : localeFor(tag);
    if (tag === null) varyOn(reply, 'accept-language');
    void reply.headers({ ...FOR_EVERY_ORIGIN, 'content-language': locale });
    return sendText(served(locale), request, reply, CACHE_CONTROL);
  });
}
