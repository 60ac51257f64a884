import { describe, expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { section } from '../docs/readme.ts';
import { runProgram } from '../harness/process.ts';
import { command } from './command.ts';

const SILENT = { env: {}, stdout: { write: () => {} }, stderr: { write: () => {} }, dataDir: '/nowhere' };

interface Node {
  readonly name: () => string;
  readonly commands: readonly Node[];
}

/** The words of every command that does something. */
function leavesOf({ commands }: Node, before: readonly string[] = []): string[][] {
  return commands.flatMap((one) => {
    const words = [...before, one.name()];
    return one.commands.length === 0 ? [words] : leavesOf(one, words);
  });
}

const COMMANDS = leavesOf(createProgram(SILENT)).map((words) => words.join(' '));

describe('each command', () => {
  test.each(COMMANDS)('%s says with --help what it takes', async (words) => {
    const { code, out, err } = await command([...words.split(' '), '--help']);
    expect([code, out, err]).toEqual([0, expect.stringContaining(`Usage: resolution-center ${words} `), '']);
  });

  test('is in docs/operate.md, and no other', () => {
    const named = [...section('The command line', 'docs/operate.md').matchAll(/^\| `([a-z -]+?)(?: [<[-].*)?` \|/gm)];
    expect(new Set(named.map(([, words = '']) => words))).toEqual(new Set(COMMANDS));
  });
});

describe('wrong usage ends with 2, and says what is wrong on stderr', () => {
  test.each([
    [[], 'Usage: resolution-center'],
    [['hold'], 'Usage: resolution-center hold'],
    [['refund'], `unknown command 'refund'`],
    [['hold', 'extend'], `unknown command 'extend'`],
    [['deadlines', '--states', 'overdue'], `unknown option '--states'`],
    [['deadlines', '--state', 'late'], 'Allowed choices are pending, overdue, missing_job, orphan_job'],
    [['deadlines', '--limit', '0'], 'whole number from 1'],
    [['deadlines', 'now'], 'too many arguments'],
    [['dispute', 'show'], `missing required argument 'id'`],
    [['dispute', 'show', '../holds'], 'It must be the id of an order or of a dispute'],
    [['hold', 'begin'], `required option '--note <text>' not specified`],
    [['hold', 'begin', '--note', 'x', '--type', 'cancellation', '--order', 'a'], 'cannot be used with option'],
    [['stats', '--csv', '--json'], 'cannot be used with option'],
    [['token'], `required option '--sub <id>' not specified`],
  ])('%j', async (argv, message) => {
    const { code, out, err } = await command(argv);
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(message)]);
  });
});

test('a variable that is almost one of the command line is refused with the right name', async () => {
  const { code, err } = await command(['hold', 'list'], { env: { RESOLUTION_CENTRE_URL: 'http://127.0.0.1:1' } });
  expect([code, err]).toEqual([
    2,
    'resolution-center: RESOLUTION_CENTRE_URL is not a variable of the command line; RESOLUTION_CENTER_URL is\n',
  ]);
});

describe('as a process', () => {
  test('a command ends with its code, and writes where it should', async () => {
    const help = runProgram('cli/ops.js', ['--help'], { env: {} });
    expect([(await help.exited).code, help.stdout()]).toEqual([0, expect.stringContaining('Exit codes: 0 done; 1')]);
    const away = runProgram('cli/ops.js', ['stats', '--url', 'http://127.0.0.1:1', '--token', 'x'], { env: {} });
    expect([(await away.exited).code, away.stdout()]).toEqual([3, '']);
    expect(away.stderr()).toContain('cannot be reached');
  });
});
