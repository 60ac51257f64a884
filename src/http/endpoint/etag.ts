import { hash } from 'node:crypto';

const DIGEST_LENGTH = 16;

/** A short digest of a JSON value: equal for equal values, and different for different ones but for a chance of 2^-64. */
export function digestOf(value: unknown): string {
  return hash('sha256', JSON.stringify(value), 'hex').slice(0, DIGEST_LENGTH);
}

/**
 * An entity tag in two parts. `state` is the same for every caller, and is what If-Match compares. `view` is the digest of
 * everything that this caller is shown, and is what If-None-Match compares with it. An event carries the state alone, since
 * all its readers get the same text.
 */
export function entityTag(state: string, view?: string): string {
  return view === undefined ? `"${state}"` : `"${state}.${view}"`;
}

/** What a condition such as If-Match asks for: any version that exists, or one of these, without their quotes. */
export type Condition = '*' | readonly string[];

// RFC 9110, 8.8.3: any visible character but the quote, and bytes beyond ASCII. Elements of a list may be empty.
const LIST = /^(?:[ \t]*(?:,|$|(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,|$)))+$/;
const TAG = /"([^"]*)"/g;

/** How compressing proxies mark the tag of what they compressed: Apache and Caddy `-gzip`, Jetty `--gzip`, others `;gzip`. */
const CODING = /(?:(?:--?|;)(?:x-)?(?:gzip|deflate|compress|br|zstd))+$/;

/**
 * Reads the value of If-Match or If-None-Match. A tag that a compressing proxy has rewritten is read as the original one:
 * `W/` (nginx) and a suffix that names a content coding do not count.
 * @returns null if it is neither `*` nor a list of entity tags
 */
export function parseCondition(value: string): Condition | null {
  if (value.trim() === '*') return '*';
  if (!LIST.test(value)) return null;
  const tags = [...value.matchAll(TAG)].map(([, tag = '']) => tag.replace(CODING, ''));
  return tags.length === 0 ? null : tags;
}

/** Whether a condition names the state of a current tag, however its caller sees it. */
export function namesState(condition: Condition, state: string): boolean {
  return condition === '*' || condition.some((tag) => tag.split('.')[0] === state);
}

/** Whether a condition names exactly a current tag. */
export function namesTag(condition: Condition, tag: string): boolean {
  return condition === '*' || condition.some((named) => `"${named}"` === tag);
}
