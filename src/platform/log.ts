import { hostname } from 'node:os';
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { createBounded } from './logging/bounded.ts';
import { traceFields } from './tracing.ts';

function deepestCause(error: Error): Error {
  let current = error;
  while (current.cause instanceof Error) current = current.cause;
  return current;
}

/**
 * An error as it may be logged: where it came from and what kind it is. Of a failed query neither its parameters nor the
 * server's detail are logged, since both can hold what people wrote to each other.
 */
export function loggable(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const cause = deepestCause(error);
  const { code, constraint, table } = cause as { code?: unknown; constraint?: unknown; table?: unknown };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: cause.name,
    message: cause.message,
    ...(code !== undefined && { code }),
    ...(constraint !== undefined && { constraint, table }),
    stack: frames.join('\n'),
  };
}

const ignore = (): void => {};

/**
 * Keeps this process alive when what it writes to stdout or stderr has no reader any more: the terminal was closed (EIO), or
 * the program behind a pipe has ended (EPIPE). By default, that ends a process in the middle of what it does.
 */
export function surviveLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignore);
}

const MAX_UNWRITTEN_BYTES = 1_000_000;

/** Standard output, written at once. Lines that it cannot take now (the disk is full) wait for the next one, within limits. */
function standardOutput(): DestinationStream {
  const destination = pino.destination({ fd: 1, sync: true, maxLength: MAX_UNWRITTEN_BYTES });
  destination.on('error', ignore); // pino handles EPIPE alone, and throws every other error
  return destination;
}

/** Logs a failure that repeats: `err` and `facts` with the message. */
export type RepeatingLog = (err: unknown, facts: Readonly<Record<string, unknown>>, message: string) => void;

const REPEAT_EVERY_MS = 60_000;

/**
 * Makes a log of failures that may repeat many times a second. The first is logged at once as a warning; the same failure
 * (message and error) again only once a minute, with how often it was left out as `repeated`.
 */
export function createRepeatingLog(log: Logger, now: () => number = () => performance.now()): RepeatingLog {
  const bounded = createBounded(REPEAT_EVERY_MS, now);
  return (err, facts, message) => {
    const repeated = bounded(`${message} ${err instanceof Error ? deepestCause(err).message : String(err)}`);
    if (repeated === null) return;
    log.warn({ err, ...facts, ...(repeated > 0 && { repeated }) }, message);
  };
}

/**
 * Makes the log of a process: JSON lines on stdout or elsewhere, without bodies, tokens, keys or comments.
 * @param facts what each line says of the process, beside `instance`: its host and process id
 */
export function createLog(
  level: string,
  facts: Readonly<Record<string, string>>,
  destination: DestinationStream = standardOutput(),
): Logger {
  const options = {
    level,
    base: { instance: `${hostname()}:${process.pid}`, ...facts },
    mixin: traceFields,
    serializers: { ...stdSerializers, err: loggable },
    redact: {
      paths: ['authorization', 'comment', '*.authorization', '*.comment', '*.secret', 'req.headers', 'body', '*.body'],
      censor: '[redacted]',
    },
  };
  return pino(options, destination);
}
