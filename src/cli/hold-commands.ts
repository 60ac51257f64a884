import { type Command, Option } from 'commander';
import type { z } from 'zod';
import { DISPUTE_TYPES, type DisputeType } from '../domain/rules.ts';
import type { HoldList, Hold as HoldSchema, NewHold, ReleasedHold } from '../http/schemas/ops.ts';
import { open, type RemoteOptions, remote } from './access.ts';
import { collect, uuid } from './arguments.ts';
import { facts, type Io, show, table } from './output.ts';

type Hold = z.output<typeof HoldSchema>;

function scopeOf({ scope, type, orderIds }: Hold): string {
  if (scope === 'type') return type ?? '';
  return scope === 'orders' ? `${orderIds?.length ?? 0} orders` : 'all disputes';
}

const describe = (hold: Hold): string =>
  facts([
    ['hold', hold.id],
    ['of', scopeOf(hold)],
    ['status', hold.status],
    ['since', hold.since],
    ['by', hold.createdBy],
    ['note', hold.note],
  ]);

interface BeginOptions extends RemoteOptions {
  readonly note: string;
  readonly type?: DisputeType;
  readonly order?: string[];
}

function addBegin(hold: Command, io: Io): void {
  remote(hold.command('begin').description('keep silence from taking effect; answers stay possible'))
    .requiredOption('--note <text>', 'why, for other operators')
    .addOption(new Option('--type <type>', 'only disputes of this type').choices(DISPUTE_TYPES).conflicts('order'))
    .option('--order <id>', 'only disputes of this order; may be given more than once', collect)
    .action(async (options: BeginOptions) => {
      const body: z.input<typeof NewHold> = { note: options.note, type: options.type, orderIds: options.order };
      const begun = await (await open(io, options)).post<Hold>('/v1/ops/holds', body);
      show(io, options.json, begun, () => describe(begun));
    });
}

function addList(hold: Command, io: Io): void {
  remote(hold.command('list').description('the last holds, newest first')).action(async (options: RemoteOptions) => {
    const { data } = await (await open(io, options)).get<z.output<typeof HoldList>>('/v1/ops/holds');
    const rows = data.map((one) => [
      ...[one.id, scopeOf(one), one.status, one.since, one.releasedAt, one.heldSeconds],
      ...[one.createdBy, one.note],
    ]);
    const columns = ['HOLD', 'OF', 'STATUS', 'SINCE', 'RELEASED', 'HELD (S)', 'BY', 'NOTE'];
    show(io, options.json, data, () => table(columns, rows));
  });
}

function addRelease(hold: Command, io: Io): void {
  remote(hold.command('release').description('end a hold and move its deadlines by exactly the time held'))
    .argument('<id>', 'the id of the hold', uuid)
    .action(async (id: string, options: RemoteOptions) => {
      const released = await (await open(io, options)).delete<z.output<typeof ReleasedHold>>(`/v1/ops/holds/${id}`);
      const rest = released.complete ? 'all' : 'the workers go on with the rest';
      show(
        io,
        options.json,
        released,
        () => describe(released.hold) + facts([['moved', `${released.moved} (${rest})`]]),
      );
    });
}

/** Adds `hold begin`, `hold list` and `hold release`. */
export function addHoldCommands(program: Command, io: Io): void {
  const hold = program.command('hold').description('times in which silence takes no effect');
  addBegin(hold, io);
  addList(hold, io);
  addRelease(hold, io);
}
