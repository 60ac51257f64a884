/** Why Redis cannot be used. */
export type Outage =
  /** It answers, and does not do what the queue needs: `reason` says why, without a name or an address. */
  { readonly redis: 'refusing'; readonly reason: string } | { readonly redis: 'down' };

/** How Redis is at this moment. */
export type RedisState = { readonly redis: 'up'; readonly queue?: 'paused' } | Outage;

/** Says in a few words what an outage is. */
export const describeOutage = (outage: Outage): string =>
  outage.redis === 'down' ? 'Redis is away' : `Redis refuses the service (${outage.reason})`;

/** Redis cannot be used now. */
export class RedisUnusableError extends Error {
  constructor(outage: Outage) {
    super(describeOutage(outage));
    this.name = 'RedisUnusableError';
  }
}
