// Imports nothing that takes time to read: it begins before the rest is read, since a module may print while it is.
import type { RepeatingLog } from '../log.ts';

/** What Node and libraries print by themselves, on its way to the log. */
export interface StrayOutput {
  /** Writes what was printed so far, and from now on, to a log. */
  readonly giveTo: (log: RepeatingLog) => void;
}

interface Line {
  readonly message: string;
  readonly err?: Error;
  /** The function of `console` that printed it; `node` for a warning of Node itself. */
  readonly printedBy: string;
}

const MOST_PENDING = 100;
const MOST_CHARACTERS = 1_000;
const METHODS = ['debug', 'log', 'info', 'warn', 'error', 'trace'] as const;

/** Texts and errors alone: an object may hold anything, such as the arguments of a command. */
function lineOf(printedBy: string, parts: readonly unknown[]): Line {
  const texts = parts.filter((part) => typeof part === 'string');
  const err = parts.find((part) => part instanceof Error);
  const message = texts.join(' ').slice(0, MOST_CHARACTERS) || 'a library printed an error';
  return { message, printedBy, ...(err !== undefined && { err }) };
}

/**
 * Catches what would be printed as it is: warnings of Node (deprecations and others) and what libraries write by `console`.
 * Both would be lines that no parser of the log can read.
 */
export function catchStrayOutput(): StrayOutput {
  const pending: Line[] = [];
  let write = (line: Line): void => {
    if (pending.length < MOST_PENDING) pending.push(line);
  };
  // With the listener by which Node prints them.
  process.removeAllListeners('warning').on('warning', (err: Error) => {
    write({ message: 'a warning of Node.js', err, printedBy: 'node' });
  });
  for (const method of METHODS) console[method] = (...parts: unknown[]) => write(lineOf(`console.${method}`, parts));
  return {
    giveTo: (log) => {
      write = ({ message, err, printedBy }) => log(err, { printedBy }, message);
      for (const line of pending.splice(0)) write(line);
    },
  };
}
