import type { Exit } from '../../harness/stage/instances.ts';
import type { Client } from './load/client.ts';
import type { Random } from './load/random.ts';
import type { Stage } from './stage.ts';

/** What a fault may need, and where it writes down what the judgement has to know. */
export interface Scene {
  readonly stage: Stage;
  readonly random: Random;
  readonly client: Client;
  /** Times in which PostgreSQL itself was away: lateness counts from its return. */
  readonly outages: { readonly from: number; readonly until: number }[];
  /** Disputes that a fault was aimed at: they may be late as long as it lasted. */
  readonly targeted: { readonly id: string; readonly until: number }[];
  /** Disputes and orders that could not be written for a time: only who asks for them may be told that something broke. */
  readonly poisoned: string[];
  /** Processes that were asked to end, and whether Redis was frozen for them. */
  readonly exits: (Exit & { readonly redis: 'up' | 'frozen' })[];
  /** What did not hold in a fault, beyond what is asked of the database in the end. */
  readonly breaches: string[];
  /** Opens disputes that all fall due together, in some seconds; gives their ids. */
  readonly herd: () => Promise<readonly string[]>;
}

/** What was measured, in milliseconds; nothing if nothing was; `missed` where the fault found nothing to happen to. */
// biome-ignore lint/suspicious/noConfusingVoidType: a fault that measures nothing returns nothing
export type Outcome = number | 'missed' | undefined | void;

/** Something that goes wrong. */
export interface Fault {
  readonly kind: string;
  /** Its number in the table of faults in docs/reliability.md. */
  readonly number: string;
  readonly mustHold: string;
  /** What is measured each time beside the lateness of deadlines, if anything is; in milliseconds. */
  readonly figure?: string;
  /** Whether the next fault of its lane begins while this one lasts. */
  readonly inBackground?: true;
  /** What has to be installed, or it cannot be staged. */
  readonly needs?: 'libfaketime';
  /** Stages it once. */
  readonly run: (scene: Scene) => Promise<Outcome>;
}

/** What has been staged, and when. */
export interface Staged {
  readonly kind: string;
  readonly from: number;
  readonly until: number;
  readonly figure: number | undefined;
}

export const sinceMs = (begun: number): number => performance.now() - begun;
