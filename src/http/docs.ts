import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openApiDocument } from './openapi.ts';
import { operations } from './operations.ts';
import { systemPaths } from './system-paths.ts';

/** Everything that the page needs comes from here; it draws its arrows as data and styles what it shows. */
const PAGE_POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The OpenAPI document of this build: what openapi/openapi.json holds. */
export function apiDocument(): Record<string, unknown> {
  return openApiDocument(operations, systemPaths);
}

/** Serves the document at /openapi.json, and a page made from it at /docs. */
export async function registerDocs(app: FastifyInstance): Promise<void> {
  // Made once somebody asks for it: no start has to wait for it.
  let text: string | undefined;
  const documentText = () => {
    text ??= JSON.stringify(apiDocument());
    return text;
  };
  app.get('/openapi.json', (_request, reply) => reply.type('application/json; charset=utf-8').send(documentText()));
  await app.register(swagger, {
    mode: 'static',
    specification: { document: {} as StaticDocumentSpec['document'] },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // Without the bar for opening other documents, which the policy forbids anyway.
    uiConfig: { layout: 'BaseLayout', deepLinking: true },
    staticCSP: PAGE_POLICY,
    transformSpecification: () => JSON.parse(documentText()),
    transformSpecificationClone: false,
  });
}
