import { partyIdOf } from '../../application/caller.ts';
import { dryRun } from '../../application/dry-run.ts';
import type { Outcome, StoredResponse } from '../../application/idempotent.ts';
import { type CommandRequest, type Decided, execute } from '../../application/write.ts';
import type { Command, Precondition } from '../../domain/commands.ts';
import type { Party, State } from '../../domain/state.ts';
import { asSeenAt } from '../../domain/transition.ts';
import { disputeState, orderState, presentConflict, presentDispute, presentOrder } from '../present/disputes.ts';
import { presentEffects } from '../present/effects.ts';
import {
  PROBLEM_MEDIA_TYPE,
  PROBLEMS,
  type ProblemContext,
  problemDocument,
  problemError,
  rejectionProblem,
} from '../problems/problems.ts';
import { Dispute } from '../schemas/disputes.ts';
import { DisputeDryRun, DRY_RUN, type DryRunQuery } from '../schemas/dry-run.ts';
import type { AnyCall } from './endpoint.ts';
import { namesState, parseCondition } from './etag.ts';
import { type Reply, type ReplyMaker, type StoredReply, type Success, stored } from './reply.ts';

function preconditionOf(call: AnyCall, stateOf: (state: State) => string | null): Precondition | null {
  const header = call.headers['if-match'];
  const condition = header === undefined ? null : parseCondition(String(header));
  if (condition === null) return null;
  return (state) => {
    const current = stateOf(state);
    return current !== null && namesState(condition, current);
  };
}

/** A user gets as far as a command only as a party of the order. */
export function asParty(party: Party | null): Party {
  if (party === null) throw new Error('a command of a party came without one');
  return party;
}

/** What If-Match asks of a command on an order; null without the header. */
export function orderPrecondition(call: AnyCall): Precondition | null {
  return preconditionOf(call, ({ order }) => (order === null ? null : orderState(order)));
}

/** What If-None-Match asks of a report: `*` that the order is new, tags that it is in none of those states; null without it. */
export function orderExclusion(call: AnyCall): Precondition | null {
  const header = call.headers['if-none-match'];
  const condition = header === undefined ? null : parseCondition(String(header));
  if (condition === null) return null;
  return ({ order }) => order === null || !namesState(condition, orderState(order));
}

/** What If-Match asks of a command on a dispute; null without the header. */
export function disputePrecondition(call: AnyCall, disputeId: string): Precondition | null {
  return preconditionOf(call, ({ order, disputes }) => {
    const dispute = disputes.find(({ id }) => id === disputeId);
    return order === null || dispute === undefined ? null : disputeState(dispute, order);
  });
}

/** What a caller whose precondition failed is shown: the dispute or the order as it is now, as far as it is there. */
function currentOf({ decision, command, party, now }: Decided) {
  const { order, disputes } = asSeenAt(decision.state, now);
  if (order === null) return {};
  const id = addressed(command);
  const dispute = disputes.find((candidate) => candidate.id === id);
  if (dispute === undefined) return { order: presentOrder(order, disputes, now) };
  // Errors end up in logs, and comments belong in none.
  const { comment: _, ...shown } = presentDispute(dispute, order, party?.role ?? null, now);
  return { dispute: shown };
}

/** The open dispute that was in the way of another. */
function conflictWith({ decision, party, now }: Decided, disputeId: string) {
  const { order, disputes } = asSeenAt(decision.state, now);
  const dispute = disputes.find(({ id }) => id === disputeId);
  if (order === null || dispute === undefined || party === null) return {};
  return { openDispute: presentConflict(dispute, order, party.role, now) };
}

function refusal(decided: Decided, instance: ProblemContext): StoredResponse | null {
  const { rejection } = decided.decision;
  if (rejection === null) return null;
  const shown =
    rejection.code === 'version_mismatch'
      ? currentOf(decided)
      : rejection.code === 'dispute_already_open'
        ? conflictWith(decided, rejection.disputeId)
        : {};
  const problem = rejectionProblem(rejection, shown);
  return {
    status: PROBLEMS[problem.code].status,
    headers: { 'content-type': PROBLEM_MEDIA_TYPE, 'content-language': instance.locale, ...problem.headers },
    body: JSON.stringify(problemDocument(problem, instance)),
  };
}

const addressed = (command: Command): string | null => ('disputeId' in command ? command.disputeId : null);

/**
 * The dispute that a command was about, as its caller sees it afterwards.
 * @throws if the command was not about a dispute
 */
export function disputeAfter({ decision, command, party, now }: Decided) {
  const { order, disputes } = asSeenAt(decision.state, now);
  const dispute = disputes.find(({ id }) => id === addressed(command));
  if (order === null || dispute === undefined) throw new Error('a decision lost its dispute');
  return presentDispute(dispute, order, party?.role ?? null, now);
}

/** What a command about a dispute would come to. */
export const disputeDryRun = (decided: Decided) =>
  ({ dryRun: true, dispute: disputeAfter(decided), effects: presentEffects(decided) }) as const;

interface Asked extends Pick<CommandRequest, 'target' | 'command' | 'key'> {
  readonly url: string;
  /** The test clock on which it puts its order. */
  readonly testClockId?: string | null;
}

interface Renderers<S extends Success> {
  /** Makes the answer to a success. */
  readonly success: (decided: Decided) => StoredReply<S>;
  /** Makes the answer to a success of a dry run. */
  readonly dryRun: (decided: Decided) => StoredReply<S>;
}

/** A call of a command, which may be a dry run. */
export type CommandCall = AnyCall & { readonly query: DryRunQuery };

/**
 * Takes one command through the write path and makes its answer; or says what it would come to, where the call is a dry run.
 * @throws ProblemError for what is refused before anything is decided
 */
export async function carryOut<S extends Success>(
  call: CommandCall,
  asked: Asked,
  render: Renderers<S>,
): Promise<Reply<S>> {
  const instance = { url: asked.url, id: call.requestId, locale: call.locale };
  const isDry = call.query.dryRun === true;
  const request: CommandRequest = {
    target: asked.target,
    partyId: partyIdOf(call.caller),
    requestId: call.requestId,
    key: asked.key,
    testClockId: asked.testClockId ?? null,
    bytes: call.bodyBytes,
    command: asked.command,
    render: (decided) => refusal(decided, instance) ?? (isDry ? render.dryRun(decided) : render.success(decided)),
  };
  const result = isDry ? await dryRun(call.deps.write, request) : await execute(call.deps.write, request);
  return replyTo(result as Outcome<StoredReply<S>>); // a refusal is no success, and is sent as it is
}

/**
 * The answer to what came of a request.
 * @throws ProblemError if it got no answer of its own
 */
export function replyTo<S extends Success>(result: Outcome<StoredReply<S>>): Reply<S> {
  switch (result.outcome) {
    case 'not_found':
      throw problemError('not_found', 'There is no such order or dispute, or it is not yours.');
    case 'key_in_use':
      throw problemError(
        'idempotency_key_in_use',
        'The first request with this Idempotency-Key has not been answered yet.',
        {
          headers: { 'retry-after': '1' },
        },
      );
    case 'key_reused':
      throw problemError(
        'idempotency_key_reused',
        'This Idempotency-Key came with another request before; use a new one.',
      );
    case 'replayed':
      return { ...result.response, headers: { ...result.response.headers, 'idempotency-replayed': 'true' } };
    case 'answered':
      return result.response;
    default:
      return result satisfies never;
  }
}

/** The successes of a command about a dispute that there is. */
export const DISPUTE_NOW = [
  { status: 200, description: 'The dispute as it is now.', schema: Dispute, headers: ['ETag'] },
  { status: 200, description: DRY_RUN, schema: DisputeDryRun, dryRun: true },
] as const satisfies readonly Success[];

type DisputeNow = (typeof DISPUTE_NOW)[number];

/** Carries out a command about a dispute that there is, and answers with the dispute as it is then; see `carryOut`. */
export const carryOutOnDispute = (call: CommandCall & { readonly reply: ReplyMaker<DisputeNow> }, asked: Asked) =>
  carryOut<DisputeNow>(call, asked, {
    success: (decided) => {
      const body = disputeAfter(decided);
      return stored(call.reply(200, body, { etag: body.etag }));
    },
    dryRun: (decided) => stored(call.reply(200, disputeDryRun(decided))),
  });
