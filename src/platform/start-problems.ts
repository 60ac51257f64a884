import { adviceOnOwner } from './ownership.ts';

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'start as the user that may use it, or change its permissions',
  EPERM: 'start as the user that may use it, or change its permissions',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full: free some space',
  EDQUOT: 'the quota of this user is used up: free some space',
  EMFILE: 'too many files are open: raise the limit (ulimit -n)',
};

/** The message of an error on one line, with what to do about an error of the operating system. */
export function withAdvice(error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' | ');
  // A program that failed for want of space says so in words.
  const code = /No space left on device/.test(message) ? 'ENOSPC' : (error as NodeJS.ErrnoException | undefined)?.code;
  const { path } = (error ?? {}) as NodeJS.ErrnoException;
  const isDenied = (code === 'EACCES' || code === 'EPERM') && path !== undefined;
  const advice = (isDenied ? adviceOnOwner(path) : null) ?? ADVICE[code ?? ''];
  return advice === undefined ? message : `${message}; ${advice}`;
}
