import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { NOTHING_HERE } from '../schemas/problem.ts';
import { type Address, BOARD_PATH, type RouteSet } from '../server/route-sets.ts';
import { problemError } from './problems.ts';
import { sendProblem } from './send-problem.ts';

interface Pattern {
  readonly method: string;
  readonly pattern: RegExp;
}

const patternOf = (method: string, path: string): Pattern => ({
  method,
  pattern: new RegExp(
    `^${path
      .replace(/[.+?^$()|[\]\\]/g, '\\$&')
      .replace(/\{\w+\}|:\w+/g, '[^/]+')
      .replace(/\*$/, '.*')}$`,
  ),
});

/** In which order Allow names them. */
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'];

/** The acts of the board are for its own page, and are not advertised. */
const isAdvertised = (method: string, url: string): boolean =>
  !url.startsWith(BOARD_PATH) || method === 'GET' || method === 'HEAD';

function patternsOf({ method, url }: RouteOptions): Pattern[] {
  // The route that answers preflights is at no address of its own.
  const methods = [method].flat().filter((one) => METHODS.includes(one) && isAdvertised(one, url));
  return methods.map((one) => patternOf(one, url));
}

/** The methods of a path, each once: a fixed path such as `/v1/disputes/summary` matches that of `/v1/disputes/:id`, too. */
function methodsAt(path: string, routes: readonly Pattern[]): string[] {
  const matching = routes.filter(({ pattern }) => pattern.test(path));
  return METHODS.filter((method) => matching.some((route) => route.method === method));
}

/** Answers what is at no address of a port, or at one of them by a method that it does not have. */
export type NotFound = (request: FastifyRequest, reply: FastifyReply) => FastifyReply;

interface Wording {
  /** What is said where there is nothing. */
  readonly nothing?: string;
  readonly elsewhere?: RouteSet['elsewhere'];
}

/**
 * Makes that answer for the routes that an app is given from now on, to tell a wrong method from a wrong address. It names the
 * other port where the request would have been answered there.
 */
export function notFoundOn(app: FastifyInstance, { nothing, elsewhere = null }: Wording): NotFound {
  const here: Pattern[] = [];
  app.addHook('onRoute', (route) => void here.push(...patternsOf(route)));
  const there = (elsewhere?.addresses ?? []).map(({ method, path }: Address) => patternOf(method, path));
  const hint = ` ${elsewhere?.hint}`;
  const nothingAt = (path: string): string => {
    const advice = /.\/$/.test(path) ? ' Leave out the slash at the end.' : '';
    return `${NOTHING_HERE}${advice}`;
  };
  return (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = methodsAt(path, here);
    const others = there.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (methods.length === 0) {
      const detail = others.length > 0 ? `${NOTHING_HERE}${hint}` : (nothing ?? nothingAt(path));
      return sendProblem(problemError('not_found', detail), request, reply);
    }
    const allow = methods.join(', ');
    const detail = `The methods of this address are ${allow}.${others.includes(request.method) ? hint : ''}`;
    return sendProblem(problemError('method_not_allowed', detail, { headers: { allow } }), request, reply);
  };
}
