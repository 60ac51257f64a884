import type { Observation } from './observe.ts';
import type { Row } from './redis-rows.ts';

/** The promise for deadlines under faults. */
const LATE_AT_MOST_MS = 5_000;
/** A loop without a brake uses a whole core. */
const CORE_AT_MOST_PERCENT = 50;
const LINES_AT_MOST = 60;
const OK = new Set([200, 201]);

/** What a service did wrong in a row of the table, a line each. */
export function faultsOf({ expected }: Pick<Row, 'expected'>, seen: Observation): string[] {
  const { http, status, reason, statuses, lateMs, cpuPercent, linesAMinute, told } = seen;
  const isReadyWrong = http !== 200 || (expected !== 'either' && status !== expected);
  const isUnnamed = status === 'degraded' && (reason === '' || told === '');
  return [
    ...(isReadyWrong ? [`/readyz says ${http} ${status} instead of ${expected}`] : []),
    ...(isUnnamed ? ['it is degraded and does not say why'] : []),
    ...statuses.filter((one) => !OK.has(one)).map((one) => `a call was answered with ${one}`),
    ...(lateMs === null || lateMs > LATE_AT_MOST_MS ? [`a deadline was late by ${lateMs} ms`] : []),
    ...(lateMs !== null && lateMs < 0 ? [`a deadline was early by ${-lateMs} ms`] : []),
    ...(cpuPercent > CORE_AT_MOST_PERCENT ? [`it used ${cpuPercent} % of a core with nothing to do`] : []),
    ...(linesAMinute >= LINES_AT_MOST ? [`it logged ${linesAMinute} lines a minute`] : []),
  ];
}
