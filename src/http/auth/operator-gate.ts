import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasScope } from '../../application/caller.ts';
import { insufficientScope, ProblemError, problemError } from '../problems/problems.ts';
import type { Identify } from './identify.ts';
import { createKnownBrowsers } from './known-browser.ts';
import type { RateLimits } from './rate-limit.ts';
import { type Counts, createCounts } from './request-counts.ts';
import { challengeFor, type TokenRefusal, unauthenticated } from './token-refusal.ts';

/** The name and password with which an operator's browser gets in. */
export interface OperatorLogin {
  readonly user: string;
  readonly password: string;
}

export interface GateDeps {
  /** Null: no sign-in by password. */
  readonly login: OperatorLogin | null;
  readonly identify: Identify;
  readonly limits: RateLimits;
}

/** Lets a request of an operator pass, and says who it is; it refuses all others. */
export interface OperatorGate {
  /** @throws ProblemError `unauthenticated`, `forbidden` or `rate_limited` */
  readonly check: (request: FastifyRequest, reply: FastifyReply) => Promise<string>;
  readonly close: () => Promise<void>;
}

/** So many wrong passwords may come from one address in a minute; then not even the right one is looked at. */
const FAILED_LOGINS_PER_MINUTE = 10;

const BASIC = /^Basic +([A-Za-z0-9+/]+=*)$/i;
// Headers of their own: browsers do not find the one that they know among several in one.
const BASIC_CHALLENGE = 'Basic realm="Resolution Center operations", charset="UTF-8"';

/** The key of the limit: a holder of one IPv6 address has its whole /64 network. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address;
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':'));
  const zeros = Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0');
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Looks at passwords, in a time that says nothing about them. */
function checkPassword({ user, password }: OperatorLogin, failures: Counts) {
  // Of one length whatever is sent, so that all of it is compared.
  const expected = digestOf(`${user}:${password}`);
  // Behind a proxy that is not told by PROXY_HOPS, all callers have one address.
  const browsers = createKnownBrowsers(expected);
  return (credentials: string, request: FastifyRequest, reply: FastifyReply): string => {
    const known = browsers.idOf(request);
    const guesser = known === null ? networkOf(request.ip) : `browser ${known}`;
    const { current, ttl } = failures.look(guesser);
    if (current >= FAILED_LOGINS_PER_MINUTE) {
      throw problemError('rate_limited', 'Too many wrong passwords have come from this address.', {
        headers: { 'retry-after': String(Math.ceil(ttl / 1_000)) },
      });
    }
    if (timingSafeEqual(digestOf(Buffer.from(credentials, 'base64').toString('utf8')), expected)) {
      browsers.remember(request, reply);
      return user;
    }
    failures.count(guesser);
    throw problemError('unauthenticated', 'The name or the password is wrong.', {
      headers: { 'www-authenticate': [BASIC_CHALLENGE, 'Bearer'] },
    });
  };
}

/** Makes the gate: a token with the scope `ops` opens it, and a name with its password where one is configured. */
export function createOperatorGate({ login, identify, limits }: GateDeps): OperatorGate {
  const failures = createCounts(null);
  const byPassword = login === null ? null : checkPassword(login, failures);
  const refused = (refusal: TokenRefusal | null): ProblemError => {
    const problem = unauthenticated(refusal);
    const bearer = challengeFor(refusal);
    return new ProblemError({
      ...problem,
      ...(refusal === null && { detail: 'This is for operators.' }),
      headers: { 'www-authenticate': byPassword === null ? bearer : [BASIC_CHALLENGE, bearer] },
    });
  };
  const check = async (request: FastifyRequest, reply: FastifyReply) => {
    const { authorization } = request.headers;
    const credentials = BASIC.exec(authorization ?? '')?.[1];
    if (byPassword !== null && credentials !== undefined) return byPassword(credentials, request, reply);
    await identify(request);
    // A request without credentials is asked for a password; it does not count as a failed attempt.
    if (authorization !== undefined) await limits.check(request, reply);
    if (request.caller === null) throw refused(request.tokenRefusal);
    if (!hasScope(request.caller, 'ops')) throw insufficientScope('The token lacks the scope ops.', ['ops']);
    return request.caller.id;
  };
  return { check, close: failures.close };
}
