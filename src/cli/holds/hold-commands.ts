import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { DISPUTE_TYPES, type DisputeType } from '../../domain/rules.ts';
import { iso } from '../../http/endpoint/instants.ts';
import type { HoldList, Hold as HoldSchema, NewHold, ReleasedHold } from '../../http/schemas/ops.ts';
import { open, type RemoteOptions, remote } from '../access.ts';
import type { Api } from '../api.ts';
import { collect, instant, uuid } from '../arguments.ts';
import { byOperator, type DatabaseOptions, onDatabase, operatorOf, orDatabase } from '../database.ts';
import { CommandFailure } from '../failures.ts';
import { facts, type Io, printable, show, table } from '../output.ts';
import { pages } from '../pages.ts';
import { beginInDatabase, listInDatabase, releaseInDatabase } from './database-holds.ts';

type Hold = z.output<typeof HoldSchema>;
type Released = z.output<typeof ReleasedHold>;

/** Which disputes a hold is for, in words. */
export function scopeOf({ scope, type, orderIds }: Hold): string {
  if (scope === 'type') return type ?? '';
  if (scope === 'all') return 'all disputes';
  return orderIds?.length === 1 ? `order ${orderIds[0]}` : `${orderIds?.length ?? 0} orders`;
}

const describe = (hold: Hold): string =>
  facts([
    ['hold', hold.id],
    ['of', scopeOf(hold)],
    ['status', hold.status],
    ['since', hold.since],
    ['begun at', hold.createdAt],
    ['by', hold.createdBy],
    ['note', hold.note],
  ]);

type Options = RemoteOptions & DatabaseOptions;

interface BeginOptions extends Options {
  readonly note: string;
  readonly type?: DisputeType;
  readonly order?: string[];
  readonly since?: number;
}

async function begin(io: Io, options: BeginOptions): Promise<Hold> {
  const { note, type, order: orderIds } = options;
  const since = options.since === undefined ? undefined : iso(options.since);
  const body: z.input<typeof NewHold> = { note, type, orderIds, since };
  if (options.database === true) {
    return await onDatabase(io.env, (deps) => beginInDatabase(deps, body, operatorOf(options)));
  }
  return await (await open(io, options)).post<Hold>('/v1/ops/holds', body);
}

function addBegin(hold: Command, io: Io): void {
  const command = hold.command('begin').description('keep silence from taking effect; answers stay possible');
  byOperator(orDatabase(remote(command)))
    .requiredOption('--note <text>', 'why, for other operators')
    .addOption(new Option('--type <type>', 'only disputes of this type').choices(DISPUTE_TYPES).conflicts('order'))
    .option('--order <id>', 'only disputes of this order; may be given more than once', collect)
    .option(
      '--since <instant>',
      'from when on it counts, at most seven days ago, such as 2026-11-23T10:00:00Z',
      instant,
    )
    .action(async (options: BeginOptions) => {
      const begun = await begin(io, options);
      show(io, options.json, begun, () => describe(begun));
      await warnOfOthers(io, begun, options);
    });
}

/** How many holds are listed. */
const LISTED = 100;

interface ListOptions extends Options {
  readonly active?: boolean;
}

async function list(io: Io, { active, ...options }: ListOptions): Promise<readonly Hold[]> {
  if (options.database === true) {
    return await onDatabase(io.env, ({ db }) => listInDatabase(db, LISTED, active === true));
  }
  return await readHolds(io, await open(io, options), active === true);
}

/** The last hundred holds, or the last hundred of those that last, newest first. */
export async function readHolds(io: Io, api: Api, onlyActive: boolean): Promise<readonly Hold[]> {
  const query = { status: onlyActive ? 'active' : undefined };
  const holds = { what: 'holds', path: '/v1/ops/holds', limit: LISTED, query };
  return (await pages<z.output<typeof HoldList>>(io, api, holds)).data;
}

/** Whether a dispute may be covered by both of two holds. */
function overlap(one: Hold, other: Hold): boolean {
  if (one.scope === 'all' || other.scope === 'all') return true;
  if (one.scope === 'type' && other.scope === 'type') return one.type === other.type;
  // An order may have a dispute of any type.
  if (one.scope === 'type' || other.scope === 'type') return true;
  const orders = new Set(one.orderIds);
  return (other.orderIds ?? []).some((id) => orders.has(id));
}

/** Says on stderr which other holds keep deadlines that a hold covers, or covered: releasing it alone does not end that. */
async function warnOfOthers(io: Io, hold: Hold, options: Options): Promise<void> {
  const say = (text: string) => void io.stderr.write(`${printable(`note: ${text}`)}\n`);
  let active: readonly Hold[];
  try {
    active = await list(io, { ...options, active: true });
  } catch (error) {
    // What the command was for is done.
    if (!(error instanceof CommandFailure)) throw error;
    return say('whether another hold covers the same disputes is not known');
  }
  for (const other of active.filter((one) => one.id !== hold.id && overlap(hold, one))) {
    say(`the hold ${other.id} of ${scopeOf(other)}, begun by ${other.createdBy}, lasts and covers the same disputes`);
  }
}

function addList(hold: Command, io: Io): void {
  const command = hold.command('list').description('the last hundred holds, newest first');
  command.option('--active', 'only holds that last');
  orDatabase(remote(command)).action(async (options: ListOptions) => {
    const data = await list(io, options);
    const rows = data.map((one) => [
      ...[one.id, scopeOf(one), one.status, one.since, one.releasedAt, one.heldSeconds],
      ...[one.createdBy, one.note],
    ]);
    const columns = ['HOLD', 'OF', 'STATUS', 'SINCE', 'RELEASED', 'HELD (S)', 'BY', 'NOTE'];
    show(io, options.json, data, () => table(columns, rows));
  });
}

async function release(io: Io, id: string, options: Options): Promise<Released> {
  if (options.database === true) {
    return await onDatabase(io.env, (deps) => releaseInDatabase(deps, id, operatorOf(options)));
  }
  return await (await open(io, options)).delete<Released>(`/v1/ops/holds/${id}`);
}

function addRelease(hold: Command, io: Io): void {
  const command = hold.command('release').description('end a hold and move its deadlines by exactly the time held');
  byOperator(orDatabase(remote(command)))
    .argument('<id>', 'the id of the hold', uuid)
    .action(async (id: string, options: Options) => {
      const released = await release(io, id, options);
      const rest = released.complete ? 'all' : 'the workers go on with the rest';
      show(
        io,
        options.json,
        released,
        () => describe(released.hold) + facts([['moved', `${released.moved} (${rest})`]]),
      );
      await warnOfOthers(io, released.hold, options);
    });
}

/** Adds `hold begin`, `hold list` and `hold release`. */
export function addHoldCommands(program: Command, io: Io): void {
  const hold = program.command('hold').description('times in which silence takes no effect');
  addBegin(hold, io);
  addList(hold, io);
  addRelease(hold, io);
}
