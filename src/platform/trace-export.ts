import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  NodeTracerProvider,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';
import { VERSION } from './version.ts';

const EXPORTERS = {
  otlp: (): SpanExporter => new OTLPTraceExporter(),
  console: (): SpanExporter => new ConsoleSpanExporter(),
} as const;

export type ExporterName = keyof typeof EXPORTERS;

/** Traces that are under way somewhere. */
export interface Tracing {
  /** Sends what has not been sent yet. */
  readonly stop: () => Promise<void>;
}

/** Sends the spans of this process away from now on. */
export function exportTraces(exporter: ExporterName, role: string, log: Logger): Tracing {
  const warn = (message: string) => log.warn({ source: 'opentelemetry' }, message);
  diag.setLogger({ error: warn, warn, info: () => {}, debug: () => {}, verbose: () => {} }, DiagLogLevel.WARN);
  const ours = resourceFromAttributes({
    'service.name': 'resolution-center',
    'service.version': VERSION,
    'resolution_center.role': role,
  });
  const resource = defaultResource()
    .merge(ours)
    .merge(detectResources({ detectors: [envDetector] }));
  const spanProcessors = [new BatchSpanProcessor(EXPORTERS[exporter]())];
  const provider = new NodeTracerProvider({ resource, spanProcessors });
  provider.register();
  return { stop: () => provider.shutdown() };
}
