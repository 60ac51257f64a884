import type { Endpoint } from '../endpoint/endpoint.ts';
import { endpoints } from '../endpoint/endpoints.ts';
import { systemPaths } from './system-paths.ts';

/** What one port answers. Each answers whether the process is alive and ready. */
export interface RouteSet {
  readonly endpoints: readonly Endpoint[];
  readonly metrics: boolean;
  /** Whether the queues can be looked at, by operators. */
  readonly board: boolean;
  /** Whether the document and its reference page are there, which speak of all endpoints. */
  readonly docs: boolean;
}

const isForOperators = ({ path }: Endpoint): boolean => path.startsWith('/v1/ops/');

export const ROUTE_SETS = {
  /** Everything on one port. */
  whole: { endpoints, metrics: true, board: true, docs: true },
  /** What callers need, where operators have a port of their own. */
  callers: { endpoints: endpoints.filter((one) => !isForOperators(one)), metrics: false, board: false, docs: true },
  /** What operators and their machines need. */
  operators: { endpoints: endpoints.filter(isForOperators), metrics: true, board: true, docs: false },
} as const satisfies Record<string, RouteSet>;

/** The documented addresses of a face that are no endpoints. */
export function systemPathsOf({ metrics, docs }: RouteSet): string[] {
  const left: Readonly<Record<string, boolean>> = { '/metrics': metrics, '/openapi.json': docs };
  return Object.keys(systemPaths).filter((path) => left[path] ?? true);
}
