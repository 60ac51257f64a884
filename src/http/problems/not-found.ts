import type { FastifyReply, FastifyRequest } from 'fastify';
import { type RouteSet, systemPathsOf } from '../server/route-sets.ts';
import { problemError } from './problems.ts';
import { sendProblem } from './send-problem.ts';

interface Address {
  readonly method: string;
  readonly pattern: RegExp;
}

/** The addresses of a port, to tell a wrong method from a wrong address. */
function addressesOf(routeSet: RouteSet): Address[] {
  const system = systemPathsOf(routeSet).map((path) => ({ method: 'GET', path }));
  return [...routeSet.endpoints, ...system].map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
  }));
}

/** Answers what is at no address of a port, or at one of them by a method that it does not have. */
export type NotFound = (request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Makes that answer for one routeSet. */
export function notFoundOn(routeSet: RouteSet): NotFound {
  const addresses = addressesOf(routeSet);
  return (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?')[0] ?? '';
    const methods = addresses.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    if (methods.length === 0) {
      const hint = /.\/$/.test(path) ? ' Leave out the slash at the end.' : '';
      return sendProblem(problemError('not_found', `There is nothing at this address.${hint}`), request, reply);
    }
    const allow = methods.includes('GET') ? [...methods, 'HEAD'].join(', ') : methods.join(', ');
    const problem = problemError('method_not_allowed', `The methods of this address are ${allow}.`, {
      headers: { allow },
    });
    return sendProblem(problem, request, reply);
  };
}
