import { Writable } from 'node:stream';
import type { Logger } from 'pino';
import { createLog } from '../../src/platform/log.ts';

/** One line of the service's log. */
export interface LogLine {
  readonly level: number;
  readonly msg?: string;
  readonly [key: string]: unknown;
}

/** A log whose lines a test can read: as they were written, and parsed. */
export interface CapturedLog {
  readonly log: Logger;
  readonly text: () => string;
  readonly lines: () => LogLine[];
}

/** The service's own log, written into memory. */
export function captureLog(level: string): CapturedLog {
  const chunks: string[] = [];
  const memory = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk.toString('utf8'));
      done();
    },
  });
  const text = () => chunks.join('');
  const lines = () =>
    text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogLine);
  return { log: createLog(level, {}, memory), text, lines };
}
