import { createHash } from 'node:crypto';
import type { Dispute } from '../domain/state.ts';
import { asSeenAt } from '../domain/transition.ts';
import { callerKey, partyIdOf } from '../operations/caller.ts';
import type { Decided } from '../operations/decided.ts';
import type { Outcome } from '../operations/idempotent.ts';
import { type CommandRequest, execute } from '../operations/write.ts';
import type { IdempotencyKey, StoredResponse } from '../store/idempotency.ts';
import type { Call, Reply } from './operation.ts';
import { presentObstacle } from './present.ts';
import {
  type InputError,
  PROBLEM_MEDIA_TYPE,
  PROBLEMS,
  problemDocument,
  problemError,
  rejectionProblem,
} from './problems.ts';

const KEY = /^[\x20-\x7e]{1,255}$/;
const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

/** Hashes a request, so that a key can tell whether it is used for the same one again. */
export function fingerprintOf(
  method: string,
  path: string,
  headers: { 'if-match'?: string | undefined },
  body: unknown,
): string {
  return createHash('sha256')
    .update(JSON.stringify([method, path, headers['if-match'] ?? null, body ?? null]))
    .digest('hex');
}

/** A call of any operation. */
export type AnyCall = Call<unknown, unknown, unknown>;

/** What is wrong with the key that a request carries, if anything is. */
export function keyFault(headers: AnyCall['headers']): InputError | null {
  const key = headers['idempotency-key'];
  if (key === undefined || (typeof key === 'string' && KEY.test(key))) return null;
  return { pointer: '/header/idempotency-key', message: 'must be 1 to 255 printable ASCII characters' };
}

/** The key that a request carries, or null. Whether it is one was checked with the rest of the input. */
export function idempotencyKey(call: AnyCall): IdempotencyKey | null {
  const key = call.headers['idempotency-key'];
  return typeof key === 'string' ? { caller: callerKey(call.caller), key, fingerprint: call.fingerprint() } : null;
}

/** The versions that If-Match names; null where any will do. A tag that no version has matches none. */
export function versionsOf(call: AnyCall): number[] | null {
  const header = call.headers['if-match'];
  if (header === undefined) return null;
  const tags = String(header)
    .split(',')
    .map((tag) => tag.trim());
  if (tags.includes('*')) return null;
  return tags.flatMap((tag) => (/^"\d{1,9}"$/.test(tag) ? [Number(tag.slice(1, -1))] : []));
}

function refusal(decided: Decided, instance: { url: string; id: string }): StoredResponse | null {
  const { rejection, state } = decided.decision;
  if (rejection === null) return null;
  const obstacle =
    rejection.code === 'dispute_already_open' && decided.party !== null
      ? asSeenAt(state, decided.now).disputes.find(({ id }) => id === rejection.disputeId)
      : undefined;
  const openDispute =
    obstacle === undefined || decided.party === null
      ? null
      : presentObstacle(obstacle, decided.party.role, decided.now);
  const problem = rejectionProblem(rejection, openDispute);
  return {
    status: PROBLEMS[problem.code].status,
    headers: { 'content-type': PROBLEM_MEDIA_TYPE, ...problem.headers },
    body: JSON.stringify(problemDocument(problem, instance)),
  };
}

/** Answers a success as JSON, in the exact bytes that a repeated key will give again. */
export function respond(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): StoredResponse {
  return { status, headers: { 'content-type': JSON_MEDIA_TYPE, ...headers }, body: JSON.stringify(body) };
}

/** The dispute that a decision was about, as it is afterwards. */
export function decidedDispute({ decision, command }: Decided): Dispute {
  const id = 'disputeId' in command ? command.disputeId : undefined;
  const dispute = decision.state.disputes.find((candidate) => candidate.id === id);
  if (dispute === undefined) throw new Error('a decision lost its dispute');
  return dispute;
}

type Asked = Pick<CommandRequest, 'target' | 'command' | 'key'> & { readonly url: string };

/**
 * Takes one command through the write path and makes its answer.
 * @param render makes the answer to a success
 * @throws ProblemError for what is refused before anything is decided
 */
export async function carryOut(
  call: AnyCall,
  asked: Asked,
  render: (decided: Decided) => StoredResponse,
): Promise<Reply> {
  const instance = { url: asked.url, id: call.requestId };
  const result = await execute(call.deps.write, {
    target: asked.target,
    partyId: partyIdOf(call.caller),
    requestId: call.requestId,
    key: asked.key,
    command: asked.command,
    render: (decided) => refusal(decided, instance) ?? render(decided),
  });
  return replyTo(result);
}

/**
 * The answer to what came of a request.
 * @throws ProblemError if it got no answer of its own
 */
export function replyTo(result: Outcome): Reply {
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
