import { describe, expect, test } from 'vitest';
import { checkAnswer } from './conformance.ts';

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };
const PROBLEM_TYPE = { 'content-type': 'application/problem+json; charset=utf-8', 'content-language': 'en' };

/** Holds a made-up answer to `GET /v1/disputes/{id}` against the document. */
function check(status: number, headers: Record<string, string>, body: unknown, path = '/v1/disputes/some-id') {
  return () => checkAnswer({ method: 'GET', path, headers: {} }, { status, headers, text: JSON.stringify(body) });
}

function problem(code: string) {
  const status = { not_found: 404, not_opener: 403, internal_error: 500 }[code];
  return { type: 'urn:x', title: 'x', status, detail: 'x', instance: '/x', code, requestId: 'x' };
}

const ALIVE = { status: 'ok', version: '1.2.3' };

describe('an answer is let through', () => {
  test.each([
    ['a success', check(200, JSON_TYPE, ALIVE, '/healthz')],
    ['a problem', check(404, PROBLEM_TYPE, problem('not_found'))],
    ['a problem where there is nothing', check(404, PROBLEM_TYPE, problem('not_found'), '/v1/nothing')],
  ])('if the document allows it: %s', (_what, checking) => {
    expect(checking).not.toThrow();
  });
});

describe('an answer is stopped', () => {
  test.each([
    ['its status is not documented', check(500, PROBLEM_TYPE, problem('internal_error')), /does not document/],
    ['a required header is missing', check(200, JSON_TYPE, {}), /ETag is missing/],
    ['a header is wrong', check(200, { ...JSON_TYPE, etag: 'W/"1"' }, {}), /ETag is wrong/],
    ['its body lacks something', check(200, { ...JSON_TYPE, etag: '"1"' }, {}), /must have required property/],
    ['its body has something more', check(200, JSON_TYPE, { ...ALIVE, more: 1 }, '/healthz'), /additional properties/],
    ['its body is no object', check(200, JSON_TYPE, 'ok', '/healthz'), /must be object/],
    [
      'its type is not documented',
      check(404, { ...PROBLEM_TYPE, ...JSON_TYPE }, problem('not_found')),
      /is not documented for this status/,
    ],
    ['its code belongs to another status', check(404, PROBLEM_TYPE, problem('not_opener')), /allowed values/],
    ['its code belongs to another operation', check(403, PROBLEM_TYPE, problem('not_opener')), /allowed values/],
    ['it is found where there is nothing', check(200, JSON_TYPE, {}, '/v1/nothing'), /404 was expected/],
  ])('if %s', (_what, checking, message) => {
    expect(checking).toThrow(message);
  });

  test('if it refuses a method without saying which it takes', () => {
    const request = { method: 'DELETE', path: '/healthz', headers: {} };
    const answer = { status: 405, headers: PROBLEM_TYPE, text: JSON.stringify(problem('not_found')) };
    expect(() => checkAnswer(request, answer)).toThrow(/no Allow header/);
  });
});
