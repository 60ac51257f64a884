import type { Endpoint, LoggedEvent } from './log.ts';
import type { Sample } from './orders.ts';
import type { TokenSource, Tokens } from './tokens.ts';

/** What the page shows. */
export interface SandboxState {
  readonly tokens: TokenSource | null;
  /** Whether the page has looked for tokens, and asks for them where it found none. */
  readonly isReady: boolean;
  readonly orderId: string | null;
  /** The test clock of the order that is shown; null where it has the time of day. */
  readonly clock: { readonly id: string; readonly now: string } | null;
  readonly events: readonly LoggedEvent[];
  readonly endpoints: readonly Endpoint[];
  readonly isBusy: boolean;
  /** What the last action came to. */
  readonly message: { readonly kind: 'done' | 'failed'; readonly text: string } | null;
  /** The secret of the webhook endpoint that was added last, which is shown once. */
  readonly secret: string | null;
  readonly locale: string;
  readonly hasQueues: boolean;
}

/** What the visitor can do. */
export interface SandboxHandlers {
  readonly onTokens: (tokens: Tokens) => void;
  readonly onMake: (sample: Sample) => void;
  readonly onReport: (status: string) => void;
  readonly onAdvance: (by: string) => void;
  readonly onEndpoint: (url: string) => void;
  readonly onLocale: (locale: string) => void;
}
