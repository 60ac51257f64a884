import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { TEXTS } from '../../../src/http/texts/languages.ts';
import { type Service, startService } from '../../harness/service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const ask = (query = '', headers: Record<string, string> = {}) =>
  service.withAuthorization(null).get<{ locale: string; texts: object }>(`/v1/texts${query}`, headers);

describe('texts', () => {
  test('come without a token, flat by key', async () => {
    const answer = await ask('?locale=de');
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ locale: 'de', texts: TEXTS.de });
    expect(answer.headers).toMatchObject({
      'content-language': 'de',
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'public, max-age=300',
      'access-control-allow-origin': '*',
      vary: 'accept-encoding',
    });
  });

  test.each([
    ['de-AT', 'de'],
    ['DE', 'de'],
    ['de_CH', 'de'],
    ['pt', 'pt-BR'],
    ['pt-PT', 'pt-BR'],
    ['es-419', 'es'],
    ['fr-CA', 'fr'],
    ['en-GB', 'en'],
    ['ja', 'en'],
    ['no tag at all', 'en'],
    ['*', 'en'],
    ['%00', 'en'],
    [`de-${'x'.repeat(500)}`, 'en'],
  ])('of the locale %s are those in %s', async (asked, locale) => {
    expect(await ask(`?locale=${asked}`, { 'accept-language': 'fr' })).toMatchObject({ status: 200, body: { locale } });
  });

  test.each([
    ['fr-CH, fr;q=0.9, en;q=0.8', 'fr'],
    ['ja, pt;q=0.4, de;q=0.5', 'de'],
    ['*', 'en'],
    [';;q=x', 'en'],
  ])('follow Accept-Language %s where no locale is asked for, and say so to caches', async (accepted, locale) => {
    const answer = await ask('', { 'accept-language': accepted });
    expect(answer).toMatchObject({ status: 200, body: { locale }, headers: { 'content-language': locale } });
    expect(answer.headers['vary']).toBe('accept-language, accept-encoding');
  });

  test.each([
    ['?locale=', {}, '/query/locale', 'blank'],
    ['?locale=de&locale=fr', {}, '/query/locale', 'invalid_format'],
    ['?foo=1', {}, '/query/foo', 'unknown'],
    ['?locale=de&foo=', {}, '/query/foo', 'unknown'],
    ['?foo=1&foo=2', {}, '/query/foo', 'unknown'],
    ['?locale=de', { 'if-none-match': 'de' }, '/header/if-none-match', 'invalid_format'],
  ])('are refused readably for pages of every origin: %s with %j', async (query, headers, pointer, code) => {
    const refused = await ask(query, headers);
    expect(refused).toMatchObject({ status: 400, problem: { code: 'validation_failed', errors: [{ pointer, code }] } });
    expect(refused.headers['access-control-allow-origin']).toBe('*');
  });

  test('have a tag in each language, and are answered 304 by it', async () => {
    const [german, french] = await Promise.all([ask('?locale=de'), ask('?locale=fr')]);
    const tag = String(german.headers['etag']);
    expect(tag).not.toBe(french.headers['etag']);
    const again = await ask('?locale=de', { 'if-none-match': tag });
    expect([again.status, again.text, again.headers['content-language']]).toEqual([304, '', 'de']);
    expect((await ask('?locale=fr', { 'if-none-match': tag })).status).toBe(200);
  });

  test('come compressed where that is taken', async () => {
    const gzipped = await service.app.inject({ url: '/v1/texts?locale=de', headers: { 'accept-encoding': 'gzip' } });
    expect(gzipped.headers['content-encoding']).toBe('gzip');
    expect(JSON.parse(gunzipSync(gzipped.rawPayload).toString())).toEqual({ locale: 'de', texts: TEXTS.de });
    expect(gzipped.rawPayload.length).toBeLessThan(10_000);
  });
});
