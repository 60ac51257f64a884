/** How Redis is at this moment. */
export type RedisState =
  | { readonly redis: 'up'; readonly queue?: 'paused' }
  /** It answers, and does not do what the queue needs: `reason` says why, without a name or an address. */
  | { readonly redis: 'refusing'; readonly reason: string }
  | { readonly redis: 'down' };

/** Redis cannot be used now. */
export class RedisUnusableError extends Error {
  constructor(state: Exclude<RedisState, { redis: 'up' }>) {
    super(state.redis === 'down' ? 'Redis is away' : `Redis refuses the service (${state.reason})`);
    this.name = 'RedisUnusableError';
  }
}
