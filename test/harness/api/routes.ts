import type { FastifyInstance } from 'fastify';

/** The routes of an app, as `GET /v1/orders/{id}`; read off the tree that Fastify prints, where each line holds what is added
 * to the line that it hangs on. */
export function routesOf(app: FastifyInstance): string[] {
  const above: string[] = [];
  const tree = app.printRoutes({ commonPrefix: false });
  return tree.split('\n').flatMap((line) => {
    const [, glyphs = '', part = '', methods = ''] = /^([│├└─\s]*)(\S+)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    if (part === '') return [];
    const depth = glyphs.length / 4;
    above[depth] = (above[depth - 1] ?? '') + part;
    const path = above[depth].replaceAll(/:(\w+)/g, '{$1}');
    return methods === '' ? [] : methods.split(', ').map((method) => `${method} ${path}`);
  });
}
