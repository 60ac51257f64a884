import type { Command } from '../domain/commands.ts';
import type { Decision } from '../domain/decide.ts';
import type { Instant, Party, State } from '../domain/state.ts';

/** One decision with all that an answer to its caller can be made of. */
export interface Decided {
  readonly decision: Decision;
  readonly before: State;
  readonly command: Command;
  /** The caller as a party of the order; null for the order service. */
  readonly party: Party | null;
  readonly now: Instant;
}
