import type { FastifyInstance } from 'fastify';
import { type OpenSpan, openSpan } from '../../platform/tracing.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null for what is no operation of the API: probes, pages, unknown addresses. */
    span: OpenSpan | null;
  }
}

/**
 * Traces the calls of the API: each is a span in the trace that the caller's `traceparent` names, or begins one. Names and
 * attributes are those of OpenTelemetry's semantic conventions for HTTP; of the address only its path is kept.
 */
export function traceRequests(app: FastifyInstance): void {
  app.decorateRequest('span', null);
  app.addHook('onRequest', (request, reply, done) => {
    const { config, url: route } = request.routeOptions;
    if (config.operationId === undefined) return done();
    const { method, protocol, headers } = request;
    const attributes = {
      'http.request.method': method,
      'http.route': route ?? '',
      'url.path': request.url.split('?')[0] ?? '',
      'url.scheme': protocol,
      'resolution_center.operation_id': config.operationId,
      'resolution_center.request_id': request.id,
    };
    const span = openSpan(`${method} ${route}`, { kind: 'server', attributes }, headers);
    request.span = span;
    // Also when a caller hangs up.
    reply.raw.once('close', () => span.end({ 'http.response.status_code': reply.statusCode }, reply.statusCode >= 500));
    span.run(done);
  });
}
