import type { Observation } from './observe.ts';
import type { Expected, Row } from './row.ts';

/** The promise for deadlines under faults, and after an outage. */
const LATE_AT_MOST_MS = 5_000;
/** A loop without a brake uses a whole core. */
const CORE_AT_MOST_PERCENT = 50;
const LINES_AT_MOST = 60;
/** Five clients, each of which connects again once a second where its connection is refused. */
const CONNECTIONS_AT_MOST = 400;
const OK = new Set([200, 201]);

function faultsOfReadiness(expected: Expected, { http, status, reason, told, readiness }: Observation): string[] {
  const right = expected === 'unavailable' ? 503 : 200;
  const isWrong = http !== right || (expected !== 'either' && status !== expected);
  const isUnnamed = (status === 'degraded' || status === 'unavailable') && (reason === '' || told === '');
  return [
    ...(isWrong ? [`/readyz says ${http} ${status} instead of ${expected}`] : []),
    ...(readiness.length > 1 ? [`/readyz changes: ${readiness.join(', ')}`] : []),
    ...(isUnnamed ? [`it is ${status} and does not say why`] : []),
  ];
}

function faultsOfRefusals(expected: Expected, { refusals }: Observation): string[] {
  if (expected !== 'unavailable') return [];
  if (refusals.length === 0) return ['nothing was asked while it was unavailable'];
  const wrong = refusals.filter(({ status, saysWhen }) => status !== 503 || !saysWhen);
  return wrong.map(
    ({ status, saysWhen }) => `a write was answered with ${status}${saysWhen ? '' : ', without Retry-After'}`,
  );
}

function faultsOfRefusedStart({ status, told }: Observation): string[] {
  if (status !== 'does not start') return [`it started, and is ${status}`];
  return /^(The service could not start: |\w+_URL )/.test(told) ? [] : [`it says why it does not start with "${told}"`];
}

/** What a service did wrong in a row of the table, a line each. */
export function faultsOf({ expected }: Pick<Row, 'expected'>, seen: Observation): string[] {
  const { statuses, lateMs, cpuPercent, linesAMinute, connectionsAMinute, isFeedStuck, plainLines, wrongAnswers } =
    seen;
  if (expected === 'refuses') return faultsOfRefusedStart(seen);
  return [
    ...faultsOfReadiness(expected, seen),
    ...faultsOfRefusals(expected, seen),
    ...statuses.filter((one) => !OK.has(one)).map((one) => `a call was answered with ${one}`),
    ...wrongAnswers.map(({ call, status }) => `a call was answered with ${status}: ${call}`),
    ...(lateMs === null || lateMs > LATE_AT_MOST_MS ? [`a deadline was late by ${lateMs} ms`] : []),
    ...(lateMs !== null && lateMs < 0 ? [`a deadline was early by ${-lateMs} ms`] : []),
    ...(isFeedStuck ? ['events are missing in the feed'] : []),
    ...(cpuPercent > CORE_AT_MOST_PERCENT ? [`it used ${cpuPercent} % of a core with nothing to do`] : []),
    ...(linesAMinute >= LINES_AT_MOST ? [`it logged ${linesAMinute} lines a minute`] : []),
    ...(connectionsAMinute > CONNECTIONS_AT_MOST ? [`it connected ${connectionsAMinute} times a minute`] : []),
    ...plainLines.map((line) => `it wrote a line that is not JSON: ${line}`),
  ];
}
