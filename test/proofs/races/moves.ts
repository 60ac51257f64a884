import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { createCore } from '../../../src/application/command-queue.ts';
import { type CommandRequest, type CoreDeps, execute } from '../../../src/application/write.ts';
import type { Command } from '../../../src/domain/commands.ts';
import type { DisputeAction, DisputeType } from '../../../src/domain/rules.ts';
import type { Party, ReportedStatus } from '../../../src/domain/state.ts';
import type { Database } from '../../../src/platform/postgres/database.ts';

export const CLIENT = 'user-7';
export const FREELANCER = 'user-9';
export type User = typeof CLIENT | typeof FREELANCER;

/** The write path on a database; without publishing what was committed. */
export const writeDepsOf = (db: Database): CoreDeps => createCore({ db, newId: uuidv7, onCommitted: () => {} });

type Asked = Pick<CommandRequest, 'target' | 'partyId' | 'command'>;

export interface Ask {
  readonly key?: string;
  readonly fingerprint?: string;
}

/** The answer to a command. */
export interface Told {
  /** `done`, or the code of the refusal. */
  readonly verdict: string;
  /** When it was decided, by the answer itself. */
  readonly at: number;
  readonly replayed: boolean;
  readonly requestId: string;
}

/** Takes a command through the write path as the API does, with an answer of the least that tells what came of it. */
export async function ask(deps: CoreDeps, asked: Asked, { key, fingerprint = 'same' }: Ask = {}): Promise<Told> {
  const requestId = randomUUID();
  const outcome = await execute(deps, {
    ...asked,
    testClockId: null,
    requestId,
    bytes: 0,
    key: key === undefined ? null : { caller: `user:${asked.partyId}`, key, fingerprint },
    render: ({ decision, now }) => ({
      status: decision.rejection === null ? 200 : 409,
      headers: {},
      body: JSON.stringify({ verdict: decision.rejection?.code ?? 'done', at: now }),
    }),
  });
  const replayed = outcome.outcome === 'replayed';
  if (!('response' in outcome)) return { verdict: outcome.outcome, at: Number.NaN, replayed, requestId };
  return { ...(JSON.parse(outcome.response.body) as { verdict: string; at: number }), replayed, requestId };
}

const asParty = (make: (party: Party) => Command) => (party: Party | null) => {
  if (party === null) throw new Error('a party was expected');
  return make(party);
};

/** Something that a party does with a dispute. */
export function acting(disputeId: string, partyId: User, kind: DisputeAction): Asked {
  const command = asParty(
    (actor) =>
      ({ kind, actor, disputeId, precondition: null, comment: kind === 'accept' ? null : 'Words.' }) as Command,
  );
  return { target: { disputeId }, partyId, command };
}

/** A request on an order. */
export function opening(orderId: string, partyId: User, type: DisputeType, windowMs = 48 * 3_600_000): Asked {
  const command = asParty((actor) => ({
    kind: 'open_dispute',
    precondition: null,
    actor,
    disputeId: uuidv7(),
    type,
    cooldownMs: 0,
    reason: type === 'cancellation' && partyId === FREELANCER ? 'unable_to_complete' : null,
    comment: 'Words.',
    change:
      type === 'order_change'
        ? { deliverBy: null, extras: [{ title: 'Extra', price: { amount: 1, currency: 'EUR' } }] }
        : null,
    windowMs,
    remindersMs: [],
  }));
  return { target: { orderId }, partyId, command };
}

/** A report of an order in a status. */
export function reporting(orderId: string, status: ReportedStatus, revision: number): Asked {
  const report = {
    orderId,
    clientId: CLIENT,
    freelancerId: FREELANCER,
    status,
    deliverBy: null,
    price: { amount: 1, currency: 'EUR' },
    title: null,
    livemode: true,
    testClockId: null,
    revision,
  };
  const actor = { role: 'order_service', id: 'orders' } as const;
  return {
    target: { orderId },
    partyId: null,
    command: () => ({ kind: 'report_order', precondition: null, exclusion: null, actor, report, clock: null }),
  };
}
