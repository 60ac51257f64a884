import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { buildConnector, Dispatcher, request } from 'undici';

/** What came of a request: an answer, or why there was none. */
export interface Answer {
  readonly statusCode: number | null;
  readonly error: string | null;
  /** The beginning of the answer's body. */
  readonly text: string | null;
  readonly retryAfter: string | null;
  readonly durationMs: number;
}

export interface OutgoingRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends requests to addresses that strangers have given us. */
export interface Outgoing {
  /** Sends a POST; it never follows a redirect, never throws, and never takes longer than 15 s. */
  readonly post: (request: OutgoingRequest) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

export interface OutgoingOptions {
  /** Whether http, private addresses and any port are allowed: for development only. */
  readonly allowInsecure: boolean;
  /** How names are resolved, if not by the system. */
  readonly lookup?: LookupFunction;
}

const TOTAL_MS = 15_000;
const CONNECT_MS = 5_000;
const BODY_LIMIT = 64 * 1024;
const KEPT_CHARS = 1_000;
const PORTS = new Set(['', '443', '8443']);
const MAX_URL = 2_048;
// Names that only mean something on the inside, those of a single word among them.
const LOCAL_NAMES = /^[^.]+\.?$|\.(localhost|local|internal|localdomain|home\.arpa)\.?$/i;

/** The address is not one that the internet routes to. */
export class ForbiddenAddressError extends Error {
  constructor() {
    super('the address is not a public one');
    this.name = 'ForbiddenAddressError';
  }
}

// 2002::/16, 64:ff9b::/96 and others carry an IPv4 address in them, and a relay or translator would unwrap it.
const isGlobalV6 = (address: ipaddr.IPv6) =>
  address.range() === 'unicast' && address.match(ipaddr.IPv6.parse('2000::'), 3);

/** Whether an address belongs to the public internet: no private, local, shared, reserved, translated or multicast one. */
export function isPublicAddress(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  return address instanceof ipaddr.IPv6 ? isGlobalV6(address) : address.range() === 'unicast';
}

/** What is wrong with a URL to send requests to; null if nothing is, as far as can be seen without resolving its name. */
export function urlFault(text: string, allowInsecure: boolean): string | null {
  if (text.length > MAX_URL) return `must have at most ${MAX_URL} characters`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return 'must be an https URL';
  if (url.username !== '' || url.password !== '') return 'must not have a user or a password in it';
  if (url.hash !== '') return 'must not have a fragment';
  if (allowInsecure) return null;
  if (url.protocol !== 'https:') return 'must be an https URL';
  if (!PORTS.has(url.port)) return 'must be on port 443 or 8443';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isPublic = isIP(host) === 0 ? !LOCAL_NAMES.test(host) : isPublicAddress(host);
  return isPublic ? null : 'must have a public address';
}

/** Resolves names, and refuses those of which any address is not public: checked here, it is the one connected to. */
function publicLookup(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '');
      const addresses = found as unknown as LookupAddress[];
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
        return callback(new ForbiddenAddressError(), '');
      }
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
}

function connector(
  build: typeof buildConnector,
  { allowInsecure, lookup = systemLookup as LookupFunction }: OutgoingOptions,
): buildConnector.connector {
  const connect = build({
    timeout: CONNECT_MS,
    lookup: allowInsecure ? lookup : publicLookup(lookup),
  });
  return (options, callback) => {
    // Where the host is an address there is nothing to look up, and so nobody would look at it.
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (!allowInsecure && isIP(host) !== 0 && !isPublicAddress(host))
      return callback(new ForbiddenAddressError(), null);
    if (!allowInsecure && options.protocol !== 'https:') return callback(new ForbiddenAddressError(), null);
    connect(options, callback);
  };
}

/** Reads the beginning of a body, and lets go of the rest. */
async function readBeginning(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= BODY_LIMIT) break;
  }
  const text = Buffer.concat(chunks).toString('utf8');
  // Postgres takes no NUL in a text.
  return [...text.replaceAll('\0', '\u{fffd}').slice(0, KEPT_CHARS * 2)].slice(0, KEPT_CHARS).join('');
}

interface Failure {
  readonly name?: string;
  readonly code?: unknown;
  readonly message?: string;
  readonly cause?: unknown;
}

/** Says in a word what went wrong, and nothing about our own network. */
function describe(error: unknown): string {
  const { name, code, message = 'unknown', cause } = (error ?? {}) as Failure;
  if (name === 'TimeoutError') return `no complete answer within ${TOTAL_MS / 1_000} s`;
  if (cause !== undefined) return describe(cause);
  return typeof code === 'string' ? code : message;
}

interface WayOut {
  readonly request: typeof request;
  readonly dispatcher: Dispatcher;
}

async function openWayOut(options: OutgoingOptions): Promise<WayOut> {
  // Only when something is sent: reading it is a tenth of a start.
  const { Agent, buildConnector, request } = await import('undici');
  const dispatcher = new Agent({
    connect: connector(buildConnector, options),
    headersTimeout: TOTAL_MS,
    bodyTimeout: TOTAL_MS,
    maxHeaderSize: 16 * 1024,
  });
  return { request, dispatcher };
}

/** Opens the way out. A connection is used again for the address that was checked when it was made. */
export function openOutgoing(options: OutgoingOptions): Outgoing {
  let opening: Promise<WayOut> | null = null;
  const post = async ({ url, headers, body }: OutgoingRequest): Promise<Answer> => {
    const begun = performance.now();
    const took = () => Math.round(performance.now() - begun);
    const nothing = { statusCode: null, text: null, retryAfter: null };
    const fault = urlFault(url, options.allowInsecure);
    if (fault !== null) return { ...nothing, error: `the URL ${fault}`, durationMs: 0 };
    try {
      opening ??= openWayOut(options);
      const { request, dispatcher } = await opening;
      const signal = AbortSignal.timeout(TOTAL_MS);
      const answer = await request(url, { method: 'POST', headers: { ...headers }, body, dispatcher, signal });
      const text = await readBeginning(answer.body);
      const { 'retry-after': retryAfter } = answer.headers;
      return {
        statusCode: answer.statusCode,
        error: null,
        text,
        retryAfter: typeof retryAfter === 'string' ? retryAfter : null,
        durationMs: took(),
      };
    } catch (error) {
      return { ...nothing, error: describe(error).slice(0, KEPT_CHARS), durationMs: took() };
    }
  };
  return { post, close: async () => (await opening)?.dispatcher.destroy() };
}
