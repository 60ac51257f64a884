import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { callerKey } from '../../application/caller.ts';
import { problemError } from '../problems/problems.ts';
import { createCounts, type SharedCounts } from './request-counts.ts';

/** Counts requests, and refuses those of a caller that sends too many. */
export interface RateLimits {
  /**
   * Counts a request by its caller, or by its address where it has no valid token. The limit of an address only turns a 401
   * into a 429: requests with a valid token are not counted there.
   * @throws ProblemError `rate_limited`
   */
  readonly check: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
}

/**
 * Makes the limit of requests in a minute: per caller, and as many without a valid token per address.
 * @param max requests in a minute; 0 turns the limit off
 * @param shared what other processes have counted; null counts in this one alone
 */
export function createRateLimits(app: FastifyInstance, max: number, shared: SharedCounts | null): RateLimits {
  if (max === 0) return { check: async () => {} };
  const counts = createCounts(shared);
  app.addHook('onClose', () => counts.close());
  return {
    check: async ({ caller, tokenRefusal, ip }: FastifyRequest, reply: FastifyReply) => {
      const { current, ttl } = counts.count(caller === null ? `address:${ip}` : callerKey(caller));
      const resetS = String(Math.ceil(ttl / 1_000));
      void reply.headers({
        'ratelimit-limit': String(max),
        'ratelimit-remaining': String(Math.max(0, max - current)),
        'ratelimit-reset': resetS,
      });
      if (current <= max) return;
      const counted =
        caller === null ? 'requests without a valid token from one address' : 'the requests of one caller';
      const why = tokenRefusal === null ? '' : ` ${tokenRefusal.description}`;
      throw problemError('rate_limited', `The limit is ${max} a minute for ${counted}.${why}`, {
        headers: { 'retry-after': resetS },
      });
    },
  };
}
