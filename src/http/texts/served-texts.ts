import type { FastifyInstance, FastifyRequest } from 'fastify';
import { conditionFault } from '../endpoint/condition-fault.ts';
import { queryFault } from '../endpoint/input.ts';
import { type InputError, inputError, pointerOfUnknown } from '../problems/input-errors.ts';
import { invalidInput } from '../problems/problems.ts';
import { varyOn } from '../server/compression.ts';
import { type ServedText, sendText, servedText } from '../system/served-text.ts';
import { acceptedLocale, type Locale, localeFor, TEXTS } from './languages.ts';

/** Shared caches may keep the texts, which are the same for every caller; a release shows within five minutes. */
const CACHE_CONTROL = 'public, max-age=300';

/** The texts are for pages of every origin, as the web component is; they grant nothing by themselves. */
const FOR_EVERY_ORIGIN = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };

/** What is wrong with one parameter; `locale` is the only one that there is. */
const parameterFault = (name: string, value: unknown): InputError | null =>
  name === 'locale' ? queryFault(name, value) : inputError(pointerOfUnknown('/query', [], name), 'unknown');

/**
 * The requested language tag; null if none is.
 * @throws ProblemError `validation_failed` for a parameter that is unknown or has not one value, and for a condition that is no
 *   entity tag
 */
function requestedTag({ query, headers }: FastifyRequest): string | null {
  const given = query as { readonly locale?: string | readonly string[] }; // as the parser of queries makes it
  const faults = [
    conditionFault(headers, 'if-none-match'),
    ...Object.entries(given).map(([name, value]) => parameterFault(name, value)),
  ].filter((fault) => fault !== null);
  if (faults.length > 0) throw invalidInput(...faults);
  return typeof given.locale === 'string' ? given.locale : null;
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
    // Before the input is judged: pages of every origin can read a refusal, too.
    void reply.headers(FOR_EVERY_ORIGIN);
    const tag = requestedTag(request);
    const locale = tag === null ? acceptedLocale(request) : localeFor(tag);
    if (tag === null) varyOn(reply, 'accept-language');
    void reply.header('content-language', locale);
    return sendText(served(locale), request, reply, CACHE_CONTROL);
  });
}
