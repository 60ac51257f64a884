import type { RawAnswer } from './answer.ts';
import { type DocumentedResponse, document, faultOf, pointerTo, resolveRef } from './document.ts';
import type { RawRequest } from './transport.ts';

const PROBLEM = 'application/problem+json';
const PROBLEM_POINTER = pointerTo('components', 'schemas', 'Problem');

/** Addresses of the document, those without parameters first, since they win where both match. */
const ADDRESSES = Object.keys(document.paths)
  .sort((a, b) => a.split('{').length - b.split('{').length)
  .map((path) => ({ path, pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`) }));

const mediaTypeOf = ({ headers }: RawAnswer): string | undefined => headers['content-type']?.split(';')[0];

const parsed = ({ text }: RawAnswer): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** What no operation documents, since it comes from the API as a whole. */
function generalFault(path: string | undefined, answer: RawAnswer): string | null {
  const expected = path === undefined ? 404 : 405;
  if (answer.status !== expected) return `${expected} was expected, since the document has nothing there`;
  if (mediaTypeOf(answer) !== PROBLEM) return `it is ${mediaTypeOf(answer)}`;
  if (path !== undefined && answer.headers['allow'] === undefined) return 'it has no Allow header';
  return faultOf(PROBLEM_POINTER, parsed(answer));
}

function headerFault({ headers = {} }: DocumentedResponse, answer: RawAnswer): string | null {
  for (const [name, { $ref }] of Object.entries(headers)) {
    const value = answer.headers[name.toLowerCase()];
    const { required } = resolveRef($ref) as { required?: boolean };
    if (value === undefined && required) return `the header ${name} is missing`;
    const fault = value === undefined ? null : faultOf(`${$ref.slice(1)}/schema`, value);
    if (fault !== null) return `the header ${name} is wrong: ${fault}`;
  }
  return null;
}

function bodyFault({ content = {} }: DocumentedResponse, pointer: string, answer: RawAnswer): string | null {
  const mediaType = mediaTypeOf(answer);
  if (mediaType === undefined) return Object.keys(content).length === 0 ? null : 'it has no body';
  if (content[mediaType] === undefined) return `${mediaType} is not documented for this status`;
  const value = mediaType.endsWith('json') ? parsed(answer) : answer.text;
  return faultOf(pointer + pointerTo('content', mediaType, 'schema'), value);
}

function faultOfAnswer(request: RawRequest, answer: RawAnswer): string | null {
  const pathname = new URL(request.path, 'http://service').pathname;
  const path = ADDRESSES.find(({ pattern }) => pattern.test(pathname))?.path;
  const method = request.method === 'HEAD' ? 'get' : request.method.toLowerCase();
  const operation = path === undefined ? undefined : document.paths[path]?.[method];
  if (path === undefined || operation === undefined) return generalFault(path, answer);
  const response = operation.responses[answer.status];
  if (response === undefined) return `${operation.operationId} does not document this status`;
  const pointer = pointerTo('paths', path, method, 'responses', String(answer.status));
  return headerFault(response, answer) ?? (request.method === 'HEAD' ? null : bodyFault(response, pointer, answer));
}

/**
 * Holds an answer against the OpenAPI document: status, headers, content type, body, and the `code` of a problem.
 * @throws if the document does not allow it
 */
export function checkAnswer(request: RawRequest, answer: RawAnswer): void {
  const fault = faultOfAnswer(request, answer);
  if (fault === null) return;
  const text = answer.text.length > 1_000 ? `${answer.text.slice(0, 1_000)}…` : answer.text;
  throw new Error(
    `${request.method} ${request.path} answered ${answer.status} against the document: ${fault}\n${text}`,
  );
}
