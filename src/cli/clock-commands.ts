import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import type {
  Advance,
  AdvancedTestClock,
  DeletedTestClock,
  NewTestClock,
  TestClockDetails,
  TestClockPage,
  TestClock as TestClockSchema,
} from '../http/schemas/test-clocks.ts';
import { parseDuration } from '../platform/duration.ts';
import { open, type RemoteOptions, remote } from './access.ts';
import type { Api } from './api.ts';
import { uuid } from './arguments.ts';
import { facts, type Io, show, table } from './output.ts';
import { pages } from './pages.ts';

type TestClock = z.output<typeof TestClockSchema>;
type Advanced = z.output<typeof AdvancedTestClock>;

const PATH = '/v1/test-clocks';

const describe = (clock: TestClock): string =>
  facts([
    ['clock', clock.id],
    ['name', clock.name],
    ['now', clock.now],
    ['status', clock.status],
    ['orders', clock.orderCount],
    ['expires', clock.expiresAt],
  ]);

interface CreateOptions extends RemoteOptions {
  readonly name?: string;
  readonly now?: string;
}

function addCreate(clock: Command, io: Io): void {
  remote(clock.command('create').description('make a clock; orders join it by their testClockId'))
    .option('--name <text>', 'what it is for')
    .option('--now <instant>', 'the time with which it begins; the real one without it')
    .action(async ({ name, now, ...options }: CreateOptions) => {
      const body: z.input<typeof NewTestClock> = { name, now };
      const made = await (await open(io, options)).post<TestClock>(PATH, body);
      show(io, options.json, made, () => describe(made));
    });
}

/** Reads an ISO 8601 duration; the service says how long it may be. */
function duration(text: string): string {
  if (parseDuration(text) !== null) return text;
  throw new InvalidArgumentError('It must be an ISO 8601 duration, such as PT48H.');
}

const describeAdvanced = ({ now, transitions, transitionCount, webhooks }: Omit<Advanced, 'status' | 'id'>): string => {
  const rows = transitions.map(({ at, type, orderId, disputeId }) => [at, type, orderId, disputeId]);
  const { delivered, failed, pending } = webhooks;
  const left = transitionCount - transitions.length;
  return (
    table(['AT', 'EVENT', 'ORDER', 'DISPUTE'], rows) +
    facts([
      ['now', now],
      ...(left > 0 ? [['more', `${left} transitions that are not shown`] as const] : []),
      ['webhooks', `${delivered} delivered, ${failed} failed, ${pending} pending`],
    ])
  );
};

/** Waits for a clock that has longer to go than one request can wait. */
async function arrival(api: Api, id: string, pauseMs: number): Promise<Omit<Advanced, 'status' | 'id'>> {
  for (;;) {
    const { now, status, lastAdvance } = await api.get<z.output<typeof TestClockDetails>>(`${PATH}/${id}`);
    if (status === 'ready' && lastAdvance !== null) return { now, ...lastAdvance };
    await sleep(pauseMs);
  }
}

const POLL_MS = 1_000;

interface AdvanceOptions extends RemoteOptions {
  readonly by?: string;
  readonly to?: string;
}

function addAdvance(clock: Command, io: Io): void {
  remote(clock.command('advance').description('let time pass for the orders of a clock, and say what it brought about'))
    .argument('<id>', 'the id of the clock', uuid)
    .addOption(new Option('--by <duration>', 'how far, such as PT48H').argParser(duration).conflicts('to'))
    .option('--to <instant>', 'until when')
    .action(async (id: string, { by, to, ...options }: AdvanceOptions) => {
      const api = await open(io, options);
      const body: z.input<typeof Advance> = { by, to };
      const first = await api.post<Advanced>(`${PATH}/${id}/advance`, body);
      const advanced = first.status === 'ready' ? first : await arrival(api, id, POLL_MS);
      show(io, options.json, advanced, () => describeAdvanced(advanced));
    });
}

/** More than a deployment may have. */
const MOST = 1_000;

function addList(clock: Command, io: Io): void {
  remote(clock.command('list').description('all clocks, oldest first')).action(async (options: RemoteOptions) => {
    const list = { what: 'clocks', path: PATH, limit: MOST };
    const { data: clocks } = await pages<z.output<typeof TestClockPage>>(io, await open(io, options), list);
    const rows = clocks.map((one) => [one.id, one.now, one.status, one.orderCount, one.expiresAt, one.name]);
    show(io, options.json, clocks, () => table(['CLOCK', 'NOW', 'STATUS', 'ORDERS', 'EXPIRES', 'NAME'], rows));
  });
}

function addDelete(clock: Command, io: Io): void {
  remote(clock.command('delete').description('remove a clock with its orders and all that happened to them'))
    .argument('<id>', 'the id of the clock', uuid)
    .action(async (id: string, options: RemoteOptions) => {
      const deleted = await (await open(io, options)).delete<z.output<typeof DeletedTestClock>>(`${PATH}/${id}`);
      show(io, options.json, deleted, () => facts([['deleted', deleted.id]]));
    });
}

/** Adds `clock create`, `clock advance`, `clock list` and `clock delete`. */
export function addClockCommands(program: Command, io: Io): void {
  const clock = program.command('clock').description('test clocks of a sandbox: time that passes when it is told to');
  addCreate(clock, io);
  addAdvance(clock, io);
  addList(clock, io);
  addDelete(clock, io);
}
