import { Command, CommanderError } from 'commander';
import { VERSION } from '../platform/version.ts';
import { addClockCommands } from './clock-commands.ts';
import { addDeadlineCommands } from './deadline-commands.ts';
import { CommandFailure, EXIT } from './failures.ts';
import { addHoldCommands } from './holds/hold-commands.ts';
import { addLocalCommands } from './local-commands.ts';
import { addDisputeCommands } from './orders/dispute-commands.ts';
import { addOrderCommands } from './orders/order-commands.ts';
import { type Io, printable } from './output.ts';
import { addStatsCommand } from './stats-command.ts';
import { addWebhookCommands } from './webhook-commands.ts';

const NAME = 'resolution-center';

const EXIT_CODES = `
Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 the service cannot be reached.
Results go to stdout, and all else to stderr.
`;

/** All commands, with what they take. */
export function createProgram(io: Io): Command {
  const program = new Command(NAME)
    .description('Operates a Resolution Center: a running one over its API, or its database and configuration here.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', EXIT_CODES);
  addDeadlineCommands(program, io);
  addDisputeCommands(program, io);
  addHoldCommands(program, io);
  addClockCommands(program, io);
  addOrderCommands(program, io);
  addStatsCommand(program, io);
  addWebhookCommands(program, io);
  addLocalCommands(program, io);
  return program;
}

/** What was asked for, and not a mistake. */
const ASKED_FOR = new Set(['commander.helpDisplayed', 'commander.version']);

/** Where several addresses of a host were tried, the error says only by its code what happened. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String('code' in error ? error.code : error.name);
}

function exitCodeOf(error: unknown, { stderr }: Io): number {
  // The parser has said already what it did not understand.
  if (error instanceof CommanderError) return ASKED_FOR.has(error.code) ? EXIT.done : EXIT.usage;
  stderr.write(`${NAME}: ${printable(messageOf(error))}\n`);
  return error instanceof CommandFailure ? error.exitCode : EXIT.failed;
}

/** Carries out one command line, and says with which code the process should end. It never throws. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    await createProgram(io).parseAsync([...argv], { from: 'user' });
    return EXIT.done;
  } catch (error) {
    return exitCodeOf(error, io);
  }
}
