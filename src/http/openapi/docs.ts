import { gzipSync } from 'node:zlib';
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { digestOf, entityTag, namesTag, parseCondition } from '../endpoint/etag.ts';
import { varyOn } from '../server/compression.ts';
import { systemPaths } from '../server/system-paths.ts';
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

interface ServedDocument {
  readonly text: string;
  readonly gzipped: Buffer;
  readonly digest: string;
}

const serve = (text: string): ServedDocument => ({ text, gzipped: gzipSync(text), digest: digestOf(text) });

function sendDocument({ text, gzipped, digest }: ServedDocument, request: FastifyRequest, reply: FastifyReply) {
  const isGzipped = request.accepts().encoding(['gzip', 'identity']) === 'gzip';
  const etag = entityTag(digest);
  const condition = parseCondition(request.headers['if-none-match'] ?? '');
  varyOn(reply, 'accept-encoding');
  // Each coding has a tag of its own; a condition names the document by either.
  void reply.headers({ 'cache-control': 'no-cache', etag: isGzipped ? entityTag(`${digest}-gzip`) : etag });
  if (condition !== null && namesTag(condition, etag)) return reply.status(304).send();
  void reply.type('application/json; charset=utf-8');
  return isGzipped ? reply.header('content-encoding', 'gzip').send(gzipped) : reply.send(text);
}

/** Serves the document at /openapi.json, and a page made from it at /docs. */
export async function registerDocs(app: FastifyInstance, api: ApiDefinition): Promise<void> {
  // Made when it is first asked for: no start has to wait for it.
  let made: ServedDocument | undefined;
  const served = () => {
    made ??= serve(JSON.stringify(apiDocument(api)));
    return made;
  };
  app.get('/openapi.json', (request, reply) => sendDocument(served(), request, reply));
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
