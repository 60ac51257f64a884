import type { Operation } from '../endpoint/endpoint.ts';
import { operations } from '../endpoint/endpoints.ts';
import { systemPaths } from './system-paths.ts';

/** What one port answers. Each answers whether the process is alive and ready. */
export interface Face {
  readonly operations: readonly Operation[];
  readonly metrics: boolean;
  /** Whether the queues can be looked at, by operators. */
  readonly board: boolean;
  /** Whether the document and its reference page are there, which speak of all operations. */
  readonly docs: boolean;
}

const isForOperators = ({ path }: Operation): boolean => path.startsWith('/v1/ops/');

export const FACES = {
  /** Everything on one port. */
  whole: { operations, metrics: true, board: true, docs: true },
  /** What callers need, where operators have a port of their own. */
  callers: { operations: operations.filter((one) => !isForOperators(one)), metrics: false, board: false, docs: true },
  /** What operators and their machines need. */
  operators: { operations: operations.filter(isForOperators), metrics: true, board: true, docs: false },
} as const satisfies Record<string, Face>;

/** The documented addresses of a face that are no operations. */
export function systemPathsOf({ metrics, docs }: Face): string[] {
  const left: Readonly<Record<string, boolean>> = { '/metrics': metrics, '/openapi.json': docs };
  return Object.keys(systemPaths).filter((path) => left[path] ?? true);
}
