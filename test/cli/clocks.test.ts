import { beforeAll, expect, test } from 'vitest';
import { seedDispute, seedOrder } from '../harness/seed.ts';
import { type Service, startService } from '../harness/service.ts';
import { SANDBOX } from '../harness/test-clocks.ts';
import { commandsFor, rowsOf } from './command.ts';

let service: Service;
let ops: ReturnType<typeof commandsFor>;
beforeAll(async () => {
  service = await startService({ env: { ...SANDBOX, REMINDERS: 'none' } });
  ops = commandsFor(await service.listen());
});

test('a clock is made, advanced with a table of what that brought about, listed and deleted', async () => {
  const made = await ops(['clock', 'create', '--name', 'Silence', '--now', '2031-01-01T00:00:00Z', '--json']);
  const { id } = JSON.parse(made.out) as { id: string };
  const order = await seedOrder(service, { testClockId: id });
  const dispute = await seedDispute(service, 'cancellation', { orderId: order.id });
  const advanced = await ops(['clock', 'advance', id, '--by', 'PT48H']);
  const at = '2031-01-03T00:00:00.000Z';
  expect(rowsOf(advanced.out)).toEqual([
    ['AT', 'EVENT', 'ORDER', 'DISPUTE'],
    [at, 'dispute.expired', order.id, dispute.id],
    [at, 'order.status_changed', order.id, dispute.id],
    ['now', at],
    ['webhooks', '0 delivered, 0 failed, 0 pending'],
  ]);
  const further = await ops(['clock', 'advance', id, '--to', '2031-01-04T00:00:00Z']);
  expect(rowsOf(further.out)[0]).toEqual(['none']);
  expect(rowsOf((await ops(['clock', 'list'])).out)[1]?.slice(0, 4)).toEqual([
    ...[id, '2031-01-04T00:00:00.000Z', 'ready', '1'],
  ]);
  expect((await ops(['clock', 'delete', id])).out).toBe(`deleted  ${id}\n`);
  expect((await ops(['clock', 'list'])).out).toBe('none\n');
});

test.each([
  [['clock', 'advance', 'x', '--by', 'PT1H'], 2, /must be a UUID/],
  [['clock', 'advance', '01a2214f-0000-7000-8000-000000000000', '--by', '2 days'], 2, /ISO 8601 duration/],
  [['clock', 'advance', '01a2214f-0000-7000-8000-000000000000', '--by', 'PT1H'], 1, /not_found/],
])('what is wrong with %j is said', async (argv, code, message) => {
  const ran = await ops(argv);
  expect([ran.code, ran.out]).toEqual([code, '']);
  expect(ran.err).toMatch(message);
});

test.each([[['clock', 'list']], [['clock', 'create']]])(
  'a live service has no test clocks, and %j says so',
  async (argv) => {
    const live = await startService({ env: { MODE: 'live' } });
    const { code, err } = await commandsFor(await live.listen())(argv);
    expect([code, err]).toEqual([
      1,
      'resolution-center: test clocks exist only in a sandbox, and this service is live (MODE)\n',
    ]);
  },
);
