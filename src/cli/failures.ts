/** What a script can tell from the exit code of a command. */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** Ends a command with an exit code and a message for people. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  /** The code of the problem with which the service refused; null where it was something else. */
  readonly problem: string | null;
  constructor(exitCode: number, message: string, problem: string | null = null) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.problem = problem;
  }
}

/** The service, or this command itself, said no. */
export const refused = (message: string, problem?: string) => new CommandFailure(EXIT.failed, message, problem);
export const wrongUsage = (message: string) => new CommandFailure(EXIT.usage, message);
export const unreachable = (message: string) => new CommandFailure(EXIT.unreachable, message);
