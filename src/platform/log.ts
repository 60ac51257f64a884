import { hostname } from 'node:os';
import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { traceFields } from './tracing.ts';

function deepestCause(error: Error): Error {
  let current = error;
  while (current.cause instanceof Error) current = current.cause;
  return current;
}

/** An error as it stands in the log. */
export interface LoggedError {
  readonly type: string;
  readonly message?: string;
  readonly stack?: string;
  readonly [more: string]: unknown;
}

/**
 * An error as it may be logged: where it came from and what kind it is. Of a failed query neither its parameters nor the
 * server's detail are logged, since both can hold what people wrote to each other.
 */
export function loggable(error: unknown): LoggedError {
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

/** Writes a line on stderr as a line of the log, where the log itself does not exist yet or no longer. */
export function createLastWords(facts: Readonly<Record<string, string>>): Logger {
  return createLog('info', facts, pino.destination({ fd: 2, sync: true }));
}

/** Logs a failure that repeats: `err` and `facts` with the message. */
export type RepeatingLog = (err: unknown, facts: Readonly<Record<string, unknown>>, message: string) => void;

export interface RepeatingOptions {
  /** The level of the lines: `warn`. */
  readonly level?: 'warn' | 'error';
  /** Tells failures apart: by message and error. */
  readonly keyOf?: (err: unknown, message: string) => string;
}

const REPEAT_EVERY_MS = 60_000;
/** How many failures are told apart at the same time, and so how many lines there are in a minute. */
const MOST_FAILURES = 20;
const OTHERS = '';

/** The levels of a log that failures have. */
export type FailureLevels = Readonly<Record<'warn' | 'error', (facts: object, message: string) => void>>;

/** A failure that was logged less than a minute ago. */
interface Repeated {
  count: number;
  writeLast: () => void;
}

const failureOf = (err: unknown, message: string): string =>
  `${message} ${err instanceof Error ? deepestCause(err).message : String(err)}`;

/**
 * Makes a log of failures that may repeat many times a second: at most twenty-one lines a minute. The first of each failure is
 * logged at once. Its repetitions are one line a minute, of the last one, with `repeated`, which counts them, and `lastAt`.
 * Where more than twenty different failures come in a minute, those beyond count as repetitions of each other.
 */
export function createRepeatingLog(
  log: FailureLevels,
  { level = 'warn', keyOf = failureOf }: RepeatingOptions = {},
): RepeatingLog {
  const recent = new Map<string, Repeated>();
  const endMinute = (key: string) => {
    const ended = recent.get(key);
    recent.delete(key);
    if (ended === undefined || ended.count === 0) return;
    ended.writeLast();
    begin(key);
  };
  const begin = (key: string) => {
    recent.set(key, { count: 0, writeLast: () => {} });
    setTimeout(endMinute, REPEAT_EVERY_MS, key).unref();
  };
  return (err, facts, message) => {
    const own = keyOf(err, message);
    const key = recent.has(own) || recent.size < MOST_FAILURES ? own : OTHERS;
    const known = recent.get(key);
    if (known === undefined) {
      begin(key);
      log[level]({ err, ...facts }, message);
      return;
    }
    const lastAt = new Date().toISOString();
    known.count += 1;
    known.writeLast = () => log[level]({ err, ...facts, repeated: known.count, lastAt }, message);
  };
}

/** Which process this is, among those of a deployment: its host and process id. */
export const INSTANCE = `${hostname()}:${process.pid}`;

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
    base: { instance: INSTANCE, ...facts },
    mixin: traceFields,
    serializers: { ...stdSerializers, err: loggable },
    redact: {
      paths: ['authorization', 'comment', '*.authorization', '*.comment', '*.secret', 'req.headers', 'body', '*.body'],
      censor: '[redacted]',
    },
  };
  return pino(options, destination);
}
