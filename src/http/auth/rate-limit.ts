import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { callerKey } from '../../application/caller.ts';
import { problemError } from '../problems/problems.ts';
import { createCounts, type SharedCounts, WINDOW_MS } from './request-counts.ts';

/** Counts requests, and refuses those of a caller that sends too many. */
export interface RateLimits {
  /**
   * Counts a request of a caller that is known, or one that proved nothing, by its address. The latter only turns a 401
   * into a 429: whoever has a good token gets in, whatever others send from the same address.
   * @throws ProblemError `rate_limited`
   */
  readonly check: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
}

/**
 * Makes the limit of requests in a minute: per caller, and as many without a good token per address.
 * @param shared what other processes have counted; null counts in this one alone
 */
export async function registerRateLimit(
  app: FastifyInstance,
  max: number,
  shared: SharedCounts | null,
): Promise<RateLimits> {
  if (max === 0) return { check: async () => {} };
  const counts = createCounts(shared);
  app.addHook('onClose', () => counts.close());
  class Store {
    incr(key: string, done: (error: Error | null, result?: { current: number; ttl: number }) => void) {
      done(null, counts.count(key));
    }
    child() {
      return this;
    }
  }
  await app.register(rateLimit, { global: false, max, timeWindow: WINDOW_MS, store: Store });
  const ofCaller = app.createRateLimit({ keyGenerator: ({ caller }) => (caller === null ? '' : callerKey(caller)) });
  const ofAddress = app.createRateLimit();
  return {
    check: async (request, reply) => {
      const result = await (request.caller === null ? ofAddress : ofCaller)(request);
      if (result.isAllowed) return;
      const headers = {
        'ratelimit-limit': String(max),
        'ratelimit-remaining': String(result.remaining),
        'ratelimit-reset': String(result.ttlInSeconds),
      };
      void reply.headers(headers);
      if (!result.isExceeded) return;
      throw problemError('rate_limited', `The limit is ${max} requests a minute.`, {
        headers: { 'retry-after': String(result.ttlInSeconds) },
      });
    },
  };
}
