import type { Endpoint } from '../endpoint/endpoint.ts';
import { systemPaths } from '../system/system-paths.ts';

/** What one port answers. Each answers whether the process is alive and ready. */
export interface RouteSet {
  readonly endpoints: readonly Endpoint[];
  readonly metrics: boolean;
  /** Whether the queues can be looked at, by operators. */
  readonly board: boolean;
  /** Whether what is for the authors and readers of pages is there: the document, its reference page, the web component, texts. */
  readonly docs: boolean;
}

const isForOperators = ({ path }: Endpoint): boolean => path.startsWith('/v1/ops/');

/** Which routes a port has: all of them, or those of callers or of operators where operators have a port of their own. */
export type RouteSetName = 'whole' | 'callers' | 'operators';

/** The routes of a port, out of all endpoints. */
export function routeSetOf(endpoints: readonly Endpoint[], name: RouteSetName): RouteSet {
  switch (name) {
    case 'whole':
      return { endpoints, metrics: true, board: true, docs: true };
    case 'callers':
      return { endpoints: endpoints.filter((one) => !isForOperators(one)), metrics: false, board: false, docs: true };
    case 'operators':
      return { endpoints: endpoints.filter(isForOperators), metrics: true, board: true, docs: false };
    default:
      return name satisfies never;
  }
}

/** The documented addresses of a port that are no endpoints. */
export function systemPathsOf({ metrics, docs }: RouteSet): string[] {
  const left: Readonly<Record<string, boolean>> = { '/metrics': metrics, '/openapi.json': docs, '/v1/texts': docs };
  return Object.keys(systemPaths).filter((path) => left[path] ?? true);
}
