import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Address, type RouteSet, systemPathsOf } from '../server/route-sets.ts';
import { problemError } from './problems.ts';
import { sendProblem } from './send-problem.ts';

interface Pattern {
  readonly method: string;
  readonly pattern: RegExp;
}

const patternsOf = (addresses: readonly Address[]): Pattern[] =>
  addresses.map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
  }));

/** Answers what is at no address of a port, or at one of them by a method that it does not have. */
export type NotFound = (request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Makes that answer for one set of routes. It names the other port where the request would have been answered there. */
export function notFoundOn(routeSet: RouteSet): NotFound {
  const system = systemPathsOf(routeSet).map((path) => ({ method: 'GET', path }));
  // To tell a wrong method from a wrong address.
  const here = patternsOf([...routeSet.endpoints, ...system]);
  const elsewhere = patternsOf(routeSet.elsewhere?.addresses ?? []);
  const hint = ` ${routeSet.elsewhere?.hint}`;
  return (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = here.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    const others = elsewhere.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (methods.length === 0) {
      const advice = /.\/$/.test(path) ? ' Leave out the slash at the end.' : '';
      const detail = `There is nothing at this address.${others.length > 0 ? hint : advice}`;
      return sendProblem(problemError('not_found', detail), request, reply);
    }
    const allow = methods.includes('GET') ? [...methods, 'HEAD'].join(', ') : methods.join(', ');
    const detail = `The methods of this address are ${allow}.${others.includes(request.method) ? hint : ''}`;
    return sendProblem(problemError('method_not_allowed', detail, { headers: { allow } }), request, reply);
  };
}
