import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onCleanup } from '../harness/cleanup.ts';

/** A span as a collector receives it. */
export interface Span {
  readonly traceId: string;
  readonly id: string;
  /** Null for the first span of a trace. */
  readonly parentId: string | null;
  readonly name: string;
  readonly service: string;
  readonly version: string;
  readonly role: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 2 says that it has failed. */
  readonly status: number;
  readonly events: readonly string[];
  /** The ids of the spans that it is linked with. */
  readonly links: readonly string[];
}

type Field = { readonly number: number; readonly value: number; readonly bytes: Buffer };

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
const NO_BYTES = Buffer.alloc(0);

/** Takes a message of Protocol Buffers apart: https://protobuf.dev/programming-guides/encoding/ */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at] ?? 0;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number) => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const [number, wire] = [tag >>> 3, tag & 7];
    if (wire === WIRE.varint) fields.push({ number, value: varint(), bytes: NO_BYTES });
    else fields.push({ number, value: 0, bytes: take(wire === WIRE.bytes ? varint() : wire === WIRE.fixed64 ? 8 : 4) });
  }
  return fields;
}

const all = (message: Buffer, number: number) => fieldsOf(message).filter((field) => field.number === number);
const bytes = (message: Buffer, number: number) => all(message, number)[0]?.bytes ?? NO_BYTES;
const text = (message: Buffer, number: number) => bytes(message, number).toString('utf8');

function attributesOf(message: Buffer, number: number): Record<string, string | number> {
  const pairs = all(message, number).map(({ bytes: pair }) => {
    const value = fieldsOf(bytes(pair, 2))[0];
    // AnyValue: 1 is a string, 3 an integer; nothing else is sent here.
    return [text(pair, 1), value?.number === 1 ? value.bytes.toString('utf8') : (value?.value ?? 0)] as const;
  });
  return Object.fromEntries(pairs);
}

/** Reads an ExportTraceServiceRequest: opentelemetry-proto, trace.proto and trace_service.proto. */
function spansOf(request: Buffer): Span[] {
  return all(request, 1).flatMap(({ bytes: resourceSpans }) => {
    const resource = attributesOf(bytes(resourceSpans, 1), 1);
    return all(resourceSpans, 2).flatMap(({ bytes: scopeSpans }) =>
      all(scopeSpans, 2).map(({ bytes: span }): Span => {
        const parentId = bytes(span, 4).toString('hex');
        return {
          traceId: bytes(span, 1).toString('hex'),
          id: bytes(span, 2).toString('hex'),
          parentId: parentId === '' ? null : parentId,
          name: text(span, 5),
          service: String(resource['service.name']),
          version: String(resource['service.version']),
          role: String(resource['resolution_center.role']),
          attributes: attributesOf(span, 9),
          links: all(span, 13).map(({ bytes: link }) => bytes(link, 2).toString('hex')),
          status: all(bytes(span, 15), 3)[0]?.value ?? 0,
          events: all(span, 11).map(({ bytes: event }) => text(event, 2)),
        };
      }),
    );
  });
}

/** What traces are sent to. */
export interface Collector {
  /** The environment of a process that sends its traces here, soon after they happen. */
  readonly env: Readonly<Record<string, string>>;
  readonly spans: readonly Span[];
  /** Everything that came, as it came. */
  readonly received: () => string;
}

/** Starts a collector that speaks OTLP over HTTP, on a port of its own. It stops at the end of the test file. */
export async function startCollector(): Promise<Collector> {
  const spans: Span[] = [];
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    bodies.push(body);
    if (request.url === '/v1/traces') spans.push(...spansOf(body));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanup(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_BSP_SCHEDULE_DELAY: '100' },
    spans,
    received: () => Buffer.concat(bodies).toString('latin1'),
  };
}
