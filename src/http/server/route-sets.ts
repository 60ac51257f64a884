import type { Endpoint } from '../endpoint/endpoint.ts';

/** A method at a path, with the path's parameters in braces. */
export type Address = Pick<Endpoint, 'path'> & { readonly method: string };

/** What one port answers. Each answers whether the process is alive and ready. */
export interface RouteSet {
  readonly endpoints: readonly Endpoint[];
  readonly metrics: boolean;
  /** Whether the queues can be looked at, by operators. */
  readonly board: boolean;
  /** Whether what is for the authors and readers of pages is there: the document, its reference page, the web component, texts. */
  readonly docs: boolean;
  /** The other port, where callers and operators have one each: what is at an address of it, and a word about where that is. */
  readonly elsewhere: { readonly addresses: readonly Address[]; readonly hint: string } | null;
}

/** Where the board of the queues is; its parts are below it. */
export const BOARD_PATH = '/ops/queues';

const AT_OPERATORS = "This is served at the operators' port (OPS_PORT), and this is the callers' port.";
const AT_CALLERS = "This is served at the callers' port (PORT), and this is the operators' port.";

const isForOperators = ({ path }: Endpoint): boolean => path.startsWith('/v1/ops/');
const isForCallers = (endpoint: Endpoint): boolean => !isForOperators(endpoint);
const isAtOperators = (endpoint: Endpoint): boolean => isForOperators(endpoint) || endpoint.forOperatorsToo === true;
const readsOf = (...paths: string[]): Address[] => paths.map((path) => ({ method: 'GET', path }));

/** Which routes a port has: all of them, or those of callers or of operators where operators have a port of their own. */
export type RouteSetName = 'whole' | 'callers' | 'operators';

/** The routes of a port, out of all endpoints. */
export function routeSetOf(endpoints: readonly Endpoint[], name: RouteSetName): RouteSet {
  switch (name) {
    case 'whole':
      return { endpoints, metrics: true, board: true, docs: true, elsewhere: null };
    case 'callers': {
      const addresses = [...endpoints.filter(isForOperators), ...readsOf('/metrics', BOARD_PATH)];
      const elsewhere = { addresses, hint: AT_OPERATORS };
      return { endpoints: endpoints.filter(isForCallers), metrics: false, board: false, docs: true, elsewhere };
    }
    case 'operators': {
      const addresses = [...endpoints.filter(isForCallers), ...readsOf('/openapi.json', '/docs', '/v1/texts')];
      const elsewhere = { addresses, hint: AT_CALLERS };
      return { endpoints: endpoints.filter(isAtOperators), metrics: true, board: true, docs: false, elsewhere };
    }
    default:
      return name satisfies never;
  }
}
