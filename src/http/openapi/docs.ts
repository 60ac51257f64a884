import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { type ServedText, sendText, servedText } from '../system/served-text.ts';
import { systemPaths } from '../system/system-paths.ts';
import { DOCS_SCRIPT } from './docs-script.ts';
import { type ApiDefinition, openApiDocument } from './document.ts';

/** Everything that the page needs comes from here; it draws its arrows as data and styles what it shows. */
const PAGE_POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The OpenAPI document of an API with the system's own paths: what openapi/openapi.json holds. */
export function apiDocument(api: ApiDefinition): Record<string, unknown> {
  return openApiDocument(api, systemPaths);
}

/** Serves the document at /openapi.json, and a page made from it at /docs. */
export async function registerDocs(app: FastifyInstance, api: ApiDefinition): Promise<void> {
  // Made when it is first asked for: no start has to wait for it.
  let made: ServedText | undefined;
  const served = () => {
    made ??= servedText('application/json; charset=utf-8', JSON.stringify(apiDocument(api)));
    return made;
  };
  app.get('/openapi.json', (request, reply) => sendText(served(), request, reply));
  await app.register(swagger, {
    mode: 'static',
    specification: { document: {} as StaticDocumentSpec['document'] },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // Without the bar for opening other documents, which the policy forbids anyway.
    uiConfig: { layout: 'BaseLayout', deepLinking: true, defaultModelsExpandDepth: 0 },
    staticCSP: PAGE_POLICY,
    theme: {
      title: 'Resolution Center API',
      js: [{ filename: 'carry-on.js', content: DOCS_SCRIPT }],
    },
    // The page calls the service that it comes from: its policy forbids all others.
    transformSpecification: () => ({ ...JSON.parse(served().text), servers: [{ url: '/' }] }),
    transformSpecificationClone: false,
  });
}
