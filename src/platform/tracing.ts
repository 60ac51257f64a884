import {
  type Attributes,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { Logger } from 'pino';
import { ConfigError } from './config.ts';
import type { ExporterName, Tracing } from './trace-export.ts';

/** What of OpenTelemetry's environment variables is read here; the rest of them, its SDK reads by itself. */
export interface TracingEnvironment {
  readonly OTEL_SDK_DISABLED?: string | undefined;
  readonly OTEL_TRACES_EXPORTER?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_ENDPOINT?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_PROTOCOL?: string | undefined;
  readonly OTEL_EXPORTER_OTLP_TRACES_PROTOCOL?: string | undefined;
}

/** What sends the spans away; null for nothing. By the specification it would be `otlp` also where nothing was said. */
function exporterOf(env: TracingEnvironment): ExporterName | null {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || env.OTEL_EXPORTER_OTLP_ENDPOINT;
  const name = env.OTEL_TRACES_EXPORTER || (endpoint ? 'otlp' : 'none');
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || name === 'none') return null;
  if (name !== 'otlp' && name !== 'console') {
    throw new ConfigError('OTEL_TRACES_EXPORTER must be otlp, console or none');
  }
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL || 'http/protobuf';
  if (name === 'otlp' && protocol !== 'http/protobuf') {
    throw new ConfigError('OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf');
  }
  return name;
}

/**
 * Begins to trace if OpenTelemetry's environment variables ask for it: with an OTLP endpoint, or with an exporter.
 * Sampling, limits, batches, headers and resource attributes are read from them, too, by the SDK itself.
 * @returns null if they don't ask for it; then nothing is traced, and nothing that is called here costs anything
 * @throws ConfigError for an exporter or a protocol that is not there
 */
export async function startTracing(env: TracingEnvironment, role: string, log: Logger): Promise<Tracing | null> {
  const exporter = exporterOf(env);
  if (exporter === null) return null;
  // Only where it is wanted: the SDK is a tenth of what a start reads.
  const { exportTraces } = await import('./trace-export.ts');
  return exportTraces(exporter, role, log);
}

const tracer = trace.getTracer('resolution-center');

/** What a span says of itself. */
export interface SpanOptions {
  readonly kind?: 'server' | 'client' | 'consumer';
  readonly attributes?: Attributes;
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER };

const optionsOf = ({ kind, attributes = {} }: SpanOptions) => ({
  attributes,
  ...(kind !== undefined && { kind: KINDS[kind] }),
});

/** Says that what a span stands for has failed, and in a word how. */
export function failSpan(span: Span, errorType: string): void {
  span.setAttribute('error.type', errorType);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

async function during<T>(span: Span, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await work(span);
  } catch (error) {
    // Its name only: its message may hold a comment.
    failSpan(span, error instanceof Error ? error.name : typeof error);
    throw error;
  } finally {
    span.end();
  }
}

/** Does `work` in a span of its own, within the one that is current. */
export function traced<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, optionsOf(options), (span) => during(span, work));
}

/** Like `traced`, but of loops that mostly find nothing to do, only where something is being traced already. */
export function tracedWithin<T>(name: string, options: SpanOptions, work: () => Promise<T>): Promise<T> {
  return trace.getActiveSpan()?.isRecording() ? traced(name, options, work) : work();
}

/**
 * Like `traced`, but as a part of a trace that began elsewhere, maybe days ago.
 * @param parent what `traceParent` said there; null begins a trace
 */
export function tracedUnder<T>(
  parent: string | null,
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const found = parent === null ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, { traceparent: parent });
  return tracer.startActiveSpan(name, optionsOf(options), found, (span) => during(span, work));
}

/** The trace in which something was asked for, to be gone on with where it is done later. */
export interface Caught {
  /** Does something as a part of that trace. */
  readonly run: <T>(work: () => T) => T;
  /** What `traceParent` said there. */
  readonly parent: () => string | null;
  readonly span: Span | undefined;
}

/** Keeps hold of the current trace. */
export function catchTrace(): Caught {
  const caught = context.active();
  const run = <T>(work: () => T): T => context.with(caught, work);
  return { run, parent: () => run(traceParent), span: trace.getSpan(caught) };
}

/**
 * Does `work` for several traces at once: in a span that begins a trace of its own, with a link to the span of each, and a
 * link back. Only where one of them is being traced.
 */
export function tracedTogether<T>(traces: readonly Caught[], name: string, work: () => Promise<T>): Promise<T> {
  const spans = traces.flatMap(({ span }) => (span?.isRecording() ? [span] : []));
  if (spans.length === 0) return context.with(ROOT_CONTEXT, work);
  const links = spans.map((span) => ({ context: span.spanContext() }));
  const attributes = { 'resolution_center.batch_size': traces.length };
  return tracer.startActiveSpan(name, { attributes, links, kind: SpanKind.INTERNAL }, ROOT_CONTEXT, (together) => {
    for (const span of spans) span.addLink({ context: together.spanContext() });
    return during(together, work);
  });
}

/** Notes that the current span has come so far. */
export function mark(event: string): void {
  trace.getActiveSpan()?.addEvent(event);
}

/** The current span in the form of W3C Trace Context, to be picked up elsewhere; null if nothing is being traced. */
export function traceParent(): string | null {
  if (!trace.getActiveSpan()?.isRecording()) return null;
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent ?? null;
}

/** A span that its owner ends. */
export interface OpenSpan {
  /** Runs something, and whatever comes of it, within this span. */
  readonly run: (work: () => void) => void;
  readonly end: (attributes: Attributes, failed: boolean) => void;
  /** What a line of the log says of it; nothing if it is not being traced. */
  readonly fields: LogFields;
}

/** Begins the span of a request, in the trace that its headers name. */
export function openSpan(name: string, options: SpanOptions, headers: object): OpenSpan {
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const span = tracer.startSpan(name, optionsOf(options), parent);
  return {
    run: (work) => context.with(trace.setSpan(parent, span), work),
    end: (attributes, failed) => {
      span.setAttributes(attributes);
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
    fields: fieldsOf(span),
  };
}

/** As OpenTelemetry names them in logs that are not its own. */
export type LogFields = { readonly trace_id: string; readonly span_id: string } | Record<string, never>;

function fieldsOf(span: Span | undefined): LogFields {
  if (!span?.isRecording()) return {};
  const { traceId, spanId } = span.spanContext();
  return { trace_id: traceId, span_id: spanId };
}

/** What lines of the log say of the current span. */
export const traceFields = (): LogFields => fieldsOf(trace.getActiveSpan());
