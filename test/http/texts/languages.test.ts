import { beforeAll, describe, expect, test } from 'vitest';
import { REASONS } from '../../../src/domain/reasons.ts';
import { PROBLEMS, type ProblemCode } from '../../../src/http/problems/problems.ts';
import { LOCALES, TEXTS } from '../../../src/http/texts/languages.ts';
import { CLIENT, FREELANCER, seedDispute, seedOrder } from '../../harness/seed.ts';
import { type Service, startService } from '../../harness/service.ts';

interface Labelled {
  readonly code: string;
  readonly label: string;
}
interface Center {
  readonly open: readonly {
    readonly type: string;
    readonly label: string;
    readonly fields: { reason: { options: Labelled[] } | null };
  }[];
  readonly respond: readonly { readonly action: string; readonly label: string }[];
  readonly etag: string;
}

let service: Service;
beforeAll(async () => {
  service = await startService();
});

const inLanguage = (accepted: string | null) => (accepted === null ? {} : { 'accept-language': accepted });
const reasons = async (accepted: string | null) =>
  await service.as(CLIENT).get<{ data: Labelled[] }>('/v1/reasons?role=client', inLanguage(accepted));

const WISHES = [
  [null, 'en'],
  ['de-AT, en;q=0.3', 'de'],
  ['es', 'es'],
  ['fr-CH', 'fr'],
  ['pt', 'pt-BR'],
  ['ja', 'en'],
  ['xx-no-such, ;;q=x', 'en'],
  ['x'.repeat(2_000), 'en'],
] as const;

describe('labels', () => {
  test.each(WISHES)('for Accept-Language %j are in %s, and say so', async (accepted, locale) => {
    const answer = await reasons(accepted);
    expect(answer.status).toBe(200);
    const wanted = REASONS.filter(({ role }) => role === 'client').map(({ code, label }) => {
      const texts: Readonly<Record<string, string>> = TEXTS[locale];
      return { code, label: locale === 'en' ? label : texts[`reason.client.${code}.opener`] };
    });
    expect(answer.body.data.map(({ code, label }) => ({ code, label }))).toEqual(wanted);
    expect(answer.headers['content-language']).toBe(locale);
    expect(answer.headers['vary']).toContain('accept-language');
  });

  test('of the resolution center are in the language, and its tag is another one in each', async () => {
    const { id: orderId } = await seedOrder(service);
    await seedDispute(service, 'cancellation', { orderId });
    const path = `/v1/orders/${orderId}/resolution-center`;
    const read = (locale: string, headers = {}) =>
      service.as(FREELANCER).get<Center>(path, { 'accept-language': locale, ...headers });
    const [english, german] = [await read('en'), await read('de')];
    expect(english.body.respond.map(({ label }) => label)).toEqual([
      'Accept',
      'Decline',
      'Withdraw the request',
      'Add a comment',
    ]);
    expect(german.body.respond[0]?.label).toBe(TEXTS.de['label.accept']);
    const cancellation = german.body.open.find(({ type }) => type === 'cancellation');
    expect(cancellation?.label).toBe(TEXTS.de['label.open.cancellation']);
    expect(cancellation?.fields.reason?.options[0]?.label).toBe(
      TEXTS.de['reason.freelancer.client_requested_cancel.opener'],
    );
    expect(german.body.etag).not.toBe(english.body.etag);
    expect((await read('de', { 'if-none-match': english.body.etag })).status).toBe(200);
    const same = await read('de', { 'if-none-match': german.body.etag });
    expect([same.status, same.headers['content-language']]).toEqual([304, 'de']);
  });
});

describe('a problem', () => {
  test.each(WISHES)('for Accept-Language %j has its title in %s', async (accepted, locale) => {
    const answer = await service.as(CLIENT).get('/v1/orders/no-such-order', inLanguage(accepted));
    expect(answer).toMatchObject({
      status: 404,
      code: 'not_found',
      problem: { title: TEXTS[locale]['problem.not_found'] },
    });
    expect(answer.headers['content-language']).toBe(locale);
    expect(answer.headers['vary']).toContain('accept-language');
  });

  test('that a rule makes is in the language, and its repetition in that of the first request', async () => {
    const { id } = await seedDispute(service, 'cancellation');
    const accept = (locale: string) =>
      service
        .as(CLIENT)
        .post(`/v1/disputes/${id}/accept`, {}, { 'accept-language': locale, 'idempotency-key': 'language-1' });
    const first = await accept('es');
    expect(first).toMatchObject({ code: 'not_respondent', problem: { title: TEXTS.es['problem.not_respondent'] } });
    expect([first.headers['content-language'], first.headers['vary']]).toEqual(['es', 'accept-language']);
    const again = await accept('fr');
    expect([again.text, again.headers['content-language']]).toEqual([first.text, 'es']);
  });

  test.each(LOCALES)('about the input says in %s what is wrong, with its bounds', async (locale) => {
    const { id: orderId } = await seedOrder(service);
    const items = Array.from({ length: 21 }, () => ({ title: 'x', price: { amount: 1, currency: 'USD' } }));
    const body = { type: 'order_change', comment: 'x'.repeat(4_001), change: { extras: items } };
    const { problem } = await service
      .as(FREELANCER)
      .post(`/v1/orders/${orderId}/disputes`, body, { 'accept-language': locale });
    const messages = Object.fromEntries((problem.errors ?? []).map(({ pointer, message }) => [pointer, message]));
    const number = new Intl.NumberFormat(locale);
    const fill = (text: string, maximum: number) => text.replace('{maximum}', number.format(maximum));
    const expected = {
      '/comment': fill(TEXTS[locale]['error.too_long'], 4_000),
      '/change/extras': fill(TEXTS[locale]['error.too_long.items'], 20),
    };
    const english = { '/comment': 'Write at most 4,000 characters.', '/change/extras': 'Give at most 20 items.' };
    expect(messages).toEqual(locale === 'en' ? english : expected);
  });

  test('names dates as the language writes them', async () => {
    const { id: orderId } = await seedOrder(service, { deliverBy: '2031-12-01T17:00:00.000Z' });
    const body = { type: 'order_change', change: { deliverBy: '2031-11-01T17:00:00.000Z' } };
    const { problem } = await service
      .as(FREELANCER)
      .post(`/v1/orders/${orderId}/disputes`, body, { 'accept-language': 'de' });
    expect(problem.errors?.[0]?.message).toContain('1. Dezember 2031');
  });

  test('at an address where nothing is has the language, too; one that is no address is answered in English', async () => {
    const answer = await service.app.inject({ url: '/v1/%zz', headers: { 'accept-language': 'fr' } });
    expect([answer.json<{ title: string }>().title, answer.headers['content-language']]).toEqual([
      TEXTS.en['problem.validation_failed'],
      'en',
    ]);
    const missing = await service.app.inject({ url: '/nowhere', headers: { 'accept-language': 'fr' } });
    expect(missing.json<{ title: string }>().title).toBe(TEXTS.fr['problem.not_found']);
  });

  test('has the same codes, members and details in every language', async () => {
    const ask = async (locale: string) => {
      const { problem } = await service.as(CLIENT).get('/v1/disputes?limit=0', { 'accept-language': locale });
      const { title: _, requestId: __, errors, ...rest } = problem;
      return { ...rest, errors: errors?.map(({ message: ___, ...error }) => error) };
    };
    const english = await ask('en');
    for (const locale of LOCALES) expect(await ask(locale)).toEqual(english);
  });

  test('has a title of its own for each code, in English as it always was', () => {
    for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
      expect(TEXTS.en[`problem.${code}`]).toBe(PROBLEMS[code].title);
    }
  });
});
