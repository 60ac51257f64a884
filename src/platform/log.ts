import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
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

/** Makes the log of a process: JSON lines on stdout or elsewhere, without bodies, tokens, keys or comments. */
export function createLog(level: string, destination: DestinationStream = pino.destination(1)): Logger {
  const options = {
    level,
    mixin: traceFields,
    serializers: { ...stdSerializers, err: loggable },
    redact: {
      paths: ['authorization', 'comment', '*.authorization', '*.comment', '*.secret', 'req.headers', 'body', '*.body'],
      censor: '[redacted]',
    },
  };
  return pino(options, destination);
}
