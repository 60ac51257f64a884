import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent, buildConnector, type Dispatcher, request } from 'undici';
import { isPublicAddress } from './public-address.ts';

export interface HttpClientOptions {
  /** Whether http, private addresses and any port are allowed: for development only. */
  readonly allowInsecure: boolean;
  /** How names are resolved, if not by the system. */
  readonly lookup?: LookupFunction;
  /** How long the headers may take, and each part of the body after them, in milliseconds. */
  readonly timeoutMs: number;
}

const CONNECT_MS = 5_000;

/** The address is not one that the internet routes to. */
export class ForbiddenAddressError extends Error {
  constructor() {
    super('the address is not a public one');
    this.name = 'ForbiddenAddressError';
  }
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

function connector({
  allowInsecure,
  lookup = systemLookup as LookupFunction,
}: HttpClientOptions): buildConnector.connector {
  const connect = buildConnector({
    timeout: CONNECT_MS,
    lookup: allowInsecure ? lookup : publicLookup(lookup),
  });
  return (options, callback) => {
    // A host that is an address is never looked up, so it is checked here.
    const host = options.hostname.replace(/^\[|\]$/g, '');
    if (!allowInsecure && isIP(host) !== 0 && !isPublicAddress(host))
      return callback(new ForbiddenAddressError(), null);
    if (!allowInsecure && options.protocol !== 'https:') return callback(new ForbiddenAddressError(), null);
    connect(options, callback);
  };
}

/** The HTTP client of outgoing requests. */
export interface HttpClient {
  readonly request: typeof request;
  readonly dispatcher: Dispatcher;
}

/** Opens an HTTP client that connects to public addresses only, unless told otherwise. */
export function openHttpClient(options: HttpClientOptions): HttpClient {
  const dispatcher = new Agent({
    connect: connector(options),
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    maxHeaderSize: 16 * 1024,
  });
  return { request, dispatcher };
}
