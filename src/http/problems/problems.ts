import type { Scope } from '../../application/caller.ts';
import type { OutdatedReason, Rejection } from '../../domain/commands.ts';
import { REASONS } from '../../domain/reasons.ts';
import { LIMITS, type Role } from '../../domain/rules.ts';
import { iso } from '../endpoint/instants.ts';
import { type Locale, TEXTS } from '../texts/languages.ts';
import { describeErrors, type InputError, inputError } from './input-errors.ts';
import { errorIn } from './language.ts';

interface ProblemKind {
  readonly status: number;
  readonly title: string;
}

/** Every code that an error of the API may carry, with its status. One table: nothing else maps errors. */
export const PROBLEMS = {
  validation_failed: { status: 400, title: 'The request is not valid' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  unauthenticated: { status: 401, title: 'A valid bearer token is required' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  not_respondent: { status: 403, title: 'Only the other party may answer' },
  not_opener: { status: 403, title: 'Only the party that opened the dispute may do this' },
  action_not_allowed: { status: 403, title: 'Your role has no such action' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'This resource has no such method' },
  not_acceptable: { status: 406, title: 'The answer is of another type than is accepted' },
  request_timeout: { status: 408, title: 'The request took too long to arrive' },
  dispute_already_open: { status: 409, title: 'The order already has an open dispute' },
  dispute_not_open: { status: 409, title: 'The dispute is resolved' },
  response_window_closed: { status: 409, title: 'The time to respond is over' },
  order_not_disputable: { status: 409, title: 'This order cannot be disputed' },
  change_outdated: { status: 409, title: 'The order has changed since this was asked for' },
  comment_limit_reached: { status: 409, title: 'The dispute has as many comments as it may have' },
  notice_limit_reached: { status: 409, title: 'Notices are recorded on as many channels as there may be' },
  dispute_limit_reached: { status: 409, title: 'The order has had too many disputes' },
  cooldown_active: { status: 409, title: 'The same request was declined a short time ago' },
  endpoint_limit_reached: { status: 409, title: 'There are as many webhook endpoints as there may be' },
  order_has_disputes: { status: 409, title: 'The order has disputes, and keeps its time' },
  clock_limit_reached: { status: 409, title: 'There is no room for another one' },
  clock_busy: { status: 409, title: 'The test clock is advancing' },
  stale_revision: { status: 409, title: 'A newer revision of the order is known' },
  order_closed: { status: 409, title: 'The order was cancelled by agreement' },
  parties_immutable: { status: 409, title: 'The parties of an order never change' },
  position_ahead: { status: 409, title: 'This position lies beyond the end of the log' },
  idempotency_key_in_use: { status: 409, title: 'A request with this key is still running' },
  version_mismatch: { status: 412, title: 'It has changed since it was read' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be application/json in UTF-8, without compression' },
  reason_not_allowed: { status: 422, title: 'This reason cannot be given here' },
  reason_required: { status: 422, title: 'A reason is required' },
  comment_required: { status: 422, title: 'A comment is required' },
  invalid_change: { status: 422, title: 'The order cannot be changed like this' },
  idempotency_key_reused: { status: 422, title: 'This key was used for another request' },
  rate_limited: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  internal_error: { status: 500, title: 'Something broke on our side' },
  unavailable: { status: 503, title: 'Not available at the moment' },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof PROBLEMS;

/** A problem before it is tied to a request. */
export interface Problem {
  readonly code: ProblemCode;
  readonly detail: string;
  /** What is wrong with the input. */
  readonly errors?: readonly InputError[];
  /** Members beyond the standard ones, such as `openDispute`. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** The scopes that the token lacks; any of them would do. `WWW-Authenticate` names them. */
  readonly scopes?: readonly Scope[];
}

/** A refusal that ends a request; the error handler turns it into its response. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.code);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

/** A refusal by code and words; never with a caller's text in it. */
export function problemError(
  code: ProblemCode,
  detail: string,
  rest: Omit<Problem, 'code' | 'detail'> = {},
): ProblemError {
  return new ProblemError({ code, detail, ...rest });
}

/** The refusal of a token that lacks scopes, any of which would do. */
export function insufficientScope(detail: string, scopes: readonly Scope[]): ProblemError {
  return problemError('forbidden', detail, { scopes });
}

/** The refusal of input that is not valid: every part of it that is wrong, with a sentence for people. */
export function invalidInput(...errors: readonly InputError[]): ProblemError {
  const { detail, errors: shown } = describeErrors(errors);
  return problemError('validation_failed', detail, { errors: shown });
}

export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** The request that a problem is about. */
export interface ProblemContext {
  readonly url: string;
  readonly id: string;
  /** In which the texts for people are: the title, and what is wrong with the input. */
  readonly locale: Locale;
}

/** The problem document of RFC 9457 for one request. */
export function problemDocument({ code, detail, errors, extra }: Problem, request: ProblemContext) {
  return {
    type: `urn:resolution-center:problem:${code}`,
    title: TEXTS[request.locale][`problem.${code}`],
    status: PROBLEMS[code].status,
    detail,
    instance: request.url.split('?')[0] ?? request.url,
    code,
    requestId: request.id,
    ...(errors !== undefined && { errors: errors.map((error) => errorIn(request.locale, error)) }),
    ...extra,
  };
}

/**
 * The refusal of a position that no entry of the log has reached. A consumer meets it after the log was restored from an
 * earlier backup: it would wait for the log to grow past its position, and miss everything until then.
 * @param end the last position of the log, where a consumer can go on
 */
export function positionAhead(end: number): ProblemError {
  const detail =
    `The log ends at position ${end}. Read again from a position up to there: ` +
    'the log was restored from a backup, or the position belongs to another deployment.';
  return problemError('position_ahead', detail, { extra: { end } });
}

/**
 * The problem that tells a caller of a rejection.
 * @param shown the members that show the caller the order or the dispute as it is
 */
export function rejectionProblem(rejection: Rejection, shown: Readonly<Record<string, unknown>> = {}): Problem {
  const { code } = rejection;
  switch (code) {
    case 'action_not_allowed':
      return { code, detail: 'Your role in this order has no such action for a dispute of this type.' };
    case 'not_respondent':
      return { code, detail: 'You opened this dispute; only the other party may answer it.' };
    case 'not_opener':
      return { code, detail: 'Only the party that opened this dispute may withdraw it.' };
    case 'dispute_already_open':
      return {
        code,
        detail: 'The order has an open dispute, and it has one at a time. `openDispute` says what you may do about it.',
        extra: shown,
      };
    case 'dispute_not_open':
      return { code, detail: 'The dispute is resolved; nothing can be done about it any more.' };
    case 'response_window_closed':
      return {
        code,
        detail: `Silence took effect at ${iso(rejection.respondBy)}; this request was decided at ${iso(rejection.decidedAt)}.`,
        extra: { respondBy: iso(rejection.respondBy), decidedAt: iso(rejection.decidedAt) },
      };
    case 'order_not_disputable':
      return {
        code,
        detail: ORDER_IS_OVER[rejection.reason],
        extra: { reason: rejection.reason },
      };
    case 'change_outdated':
      return { code, detail: CHANGE_IS_OUTDATED[rejection.reason], extra: { reason: rejection.reason } };
    case 'comment_limit_reached':
      return { code, detail: `A dispute has at most ${LIMITS.comments} comments. Answer it or wait for its end.` };
    case 'notice_limit_reached':
      return { code, detail: `Notices of a party are recorded on at most ${LIMITS.noticeChannels} channels.` };
    case 'cooldown_active':
      return {
        code,
        detail: `The other party declined this request. You can ask again from ${iso(rejection.availableAt)} on.`,
        extra: { availableAt: iso(rejection.availableAt) },
      };
    case 'dispute_limit_reached':
      return disputeLimitReached(rejection.availableAt);
    case 'stale_revision':
      return {
        code,
        detail: `Revision ${rejection.revision} is known already, with this or other content; report with a greater one.`,
        extra: { revision: rejection.revision },
      };
    case 'order_closed':
      return { code, detail: 'The parties cancelled this order; only completed or cancelled can still be reported.' };
    case 'parties_immutable':
      return { code, detail: 'clientId and freelancerId must be those of the first report.' };
    case 'order_has_disputes':
      return {
        code,
        detail: 'An order is put on a test clock before its first dispute, whose deadline is promised in its time.',
      };
    case 'clock_limit_reached':
      return { code, detail: `A test clock has at most ${LIMITS.clockOrders} orders. Create another clock.` };
    case 'validation_failed':
      return unprocessable(code, invalidityError(rejection));
    case 'version_mismatch':
      return {
        code,
        detail: rejection.exists
          ? 'It exists, and If-None-Match excludes that. Leave the header out to change it.'
          : 'If-Match does not name the current entity tag; read it again and decide anew.',
        extra: shown,
      };
    case 'reason_not_allowed':
      return unprocessable(code, reasonError(rejection.role));
    case 'reason_required':
      return unprocessable(code, inputError('/reason', 'required', {}, 'Choose a reason.'));
    case 'comment_required':
      return unprocessable(code, inputError('/comment', 'required', {}, 'Write a comment.'));
    case 'invalid_change':
      return unprocessable(code, changeError(rejection));
    default:
      return rejection satisfies never;
  }
}

function disputeLimitReached(availableAt: number | null): Problem {
  const code = 'dispute_limit_reached';
  if (availableAt === null) {
    return { code, detail: `An order has at most ${LIMITS.disputes} disputes. Contact customer support.` };
  }
  const detail = `You opened ${LIMITS.openings} disputes on this order within 24 hours. You can open one from ${iso(availableAt)} on.`;
  return { code, detail, extra: { availableAt: iso(availableAt) } };
}

const ORDER_IS_OVER = {
  order_completed: 'The order is completed. Contact customer support.',
  order_cancelled: 'The order is cancelled, so there is nothing left to dispute.',
} as const;

const CHANGE_IS_OUTDATED = {
  date_passed: 'The delivery date that was asked for has passed. Decline the request, or withdraw it and ask again.',
  date_not_later:
    "The order's delivery date is now as late as the one that was asked for, or later. Decline the request, or withdraw it.",
  currency_changed:
    'The order is now in another currency than the extras. Decline the request, or withdraw it and ask again.',
} as const satisfies Record<OutdatedReason, string>;

/** A refusal of one part of a request that is well formed and does not fit its order. */
function unprocessable(code: ProblemCode, error: InputError): Problem {
  return { code, ...describeErrors([error]) };
}

function reasonError(role: Role | null): InputError {
  if (role === null) return inputError('/reason', 'unknown', {}, 'Leave the reason out: only a cancellation has one.');
  const values = REASONS.filter((reason) => reason.role === role).map((reason) => reason.code);
  return inputError('/reason', 'not_one_of', { values }, 'Choose a reason from the list.');
}

function invalidityError(rejection: Extract<Rejection, { code: 'validation_failed' }>): InputError {
  const { pointer } = rejection;
  if (pointer === '/testClockId') return inputError(pointer, 'unknown', {}, 'There is no test clock with this id.');
  const { fault } = rejection;
  return 'latest' in fault
    ? inputError(pointer, 'too_big', { latest: iso(fault.latest) })
    : inputError(pointer, 'too_small', { earliest: iso(fault.earliest) });
}

function changeError({ pointer, fault }: Extract<Rejection, { code: 'invalid_change' }>): InputError {
  switch (fault.code) {
    case 'required':
      return inputError(pointer, 'required', {}, 'Choose a later delivery date, add extras, or both.');
    case 'unknown':
      return inputError(pointer, 'unknown', {}, 'Leave the change out: only an order change has one.');
    case 'too_long':
      return inputError(
        pointer,
        'too_long',
        { maximum: fault.maximum, unit: 'items' },
        `An order has at most ${LIMITS.orderExtras} extras: this one has room for ${fault.maximum} in one change.`,
      );
    case 'not_later_than':
      return inputError(pointer, 'not_later_than', { than: iso(fault.than) });
    case 'not_one_of':
      return inputError(pointer, 'not_one_of', { values: fault.values });
    default:
      return fault satisfies never;
  }
}
