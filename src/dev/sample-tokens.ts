import { type Config, modeOf, tokenKeysOf } from '../platform/config.ts';
import { isLoopback } from '../platform/network/loopback.ts';
import { mintToken, tokenShapeOf } from './development.ts';

/** What the marketplace's own services do on the sandbox page: report orders, read events, see webhooks, move test clocks. */
const SERVICE_SCOPES = 'orders:write events:read webhooks:manage test:clocks';

/** The tokens of the sandbox page: its two sample users, and the marketplace's own services. */
export interface SampleTokens {
  readonly client: string;
  readonly freelancer: string;
  readonly service: string;
}

/**
 * What mints the tokens of the sandbox page, or null where no page gets any: outside of sandbox mode, with keys or a secret that
 * are configured, and where the service listens for other machines or behind proxies.
 */
export function sampleTokensOf(config: Config, authSecret: string | null): (() => Promise<SampleTokens>) | null {
  const isDevelopment = modeOf(config) === 'sandbox' && tokenKeysOf(config).kind === 'development';
  if (!isDevelopment || authSecret === null || !isLoopback(config.HOST) || config.PROXY_HOPS > 0) return null;
  const shape = tokenShapeOf(config);
  const mint = (sub: string, scope?: string) => mintToken(authSecret, { sub, scope }, shape);
  return async () => ({
    client: await mint('user-7'),
    freelancer: await mint('user-9'),
    service: await mint('sandbox-page', SERVICE_SCOPES),
  });
}
