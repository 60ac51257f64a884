import { z } from 'zod';
import { runRepeatable, type StoredResponse } from '../../application/idempotent.ts';
import { type AdvanceRequest, LATEST_CLOCK_TIME } from '../../application/test-clocks/begin.ts';
import {
  createTestClock,
  readClock,
  readTestClocks,
  type TestClockFound,
  type TestClockPlace,
} from '../../application/test-clocks/manage.ts';
import { LIMITS } from '../../domain/rules.ts';
import type { Instant } from '../../domain/state.ts';
import { replyTo } from '../endpoint/commands.ts';
import { decodeToken, encodeToken } from '../endpoint/cursor.ts';
import { operation } from '../endpoint/endpoint.ts';
import { idempotencyKey } from '../endpoint/idempotency-key.ts';
import { iso } from '../endpoint/instants.ts';
import { boundedPage } from '../endpoint/pages.ts';
import { stored } from '../endpoint/reply.ts';
import {
  presentAdvance,
  presentAdvanced,
  presentBegun,
  presentTestClock,
  wayOfAnswer,
} from '../present/test-clocks.ts';
import { inputError } from '../problems/input-errors.ts';
import { invalidInput, problemError } from '../problems/problems.ts';
import {
  Advance,
  AdvancedTestClock,
  AdvanceQuery,
  DeletedTestClock,
  NewTestClock,
  TestClock,
  TestClockDetails,
  TestClockPage,
  TestClockParams,
  TestClocksQuery,
} from '../schemas/test-clocks.ts';

const tag = 'Test clocks';
const access = { scopes: ['test:clocks'] } as const;

const noSuchClock = () => problemError('not_found', 'There is no such test clock.');
const isBusy = () =>
  problemError('clock_busy', 'The test clock is advancing. Wait until its status is ready.', {
    headers: { 'retry-after': '1' },
  });

/** Refuses a destination. A clock stands at any millisecond, so the sentence has the bound in full. */
function outOfReach(to: Instant | undefined, reach: { readonly earliest: Instant; readonly latest: Instant }) {
  const [earliest, latest] = [iso(reach.earliest), iso(reach.latest)];
  if (to !== undefined && to < reach.earliest) {
    return inputError('/to', 'too_small', { earliest }, `Choose ${earliest} or later.`);
  }
  if (to !== undefined) return inputError('/to', 'too_big', { latest }, `Choose ${latest} or earlier.`);
  return inputError('/by', 'too_big', { latest }, `Choose less: the clock can go to ${latest} in this call.`);
}

const createClock = operation({
  operationId: 'createTestClock',
  method: 'POST',
  path: '/v1/test-clocks',
  tag,
  summary: 'Create a test clock',
  description:
    'Orders that are reported with its `testClockId` have its time: it stands still until it is advanced. ' +
    `There are at most ${LIMITS.testClocks} test clocks, and ${LIMITS.clockOrders} orders on one.`,
  access,
  forOperatorsToo: true,
  sandboxOnly: true,
  body: NewTestClock,
  bodyMayBeAbsent: true,
  takesKey: true,
  success: [{ status: 201, description: 'The clock is there.', schema: TestClock, headers: ['Location'] }],
  problems: ['clock_limit_reached'],
  handle: async (call) => {
    const { name = null, now = null } = call.body;
    if (now !== null && now > LATEST_CLOCK_TIME) {
      throw invalidInput(inputError('/now', 'too_big', { latest: iso(LATEST_CLOCK_TIME) }));
    }
    const clock = { name, now, createdBy: call.caller.id };
    const outcome = await createTestClock(call.deps.write, clock, idempotencyKey(call), (found) =>
      stored(call.reply(201, presentTestClock(found), { location: `/v1/test-clocks/${found.clock.id}` })),
    );
    if (outcome.outcome === 'limit_reached') {
      throw problemError('clock_limit_reached', `There are at most ${LIMITS.testClocks} test clocks. Delete one.`);
    }
    return replyTo(outcome);
  },
});

const LIST = 'test clocks';
const Place = z.tuple([z.int().min(0), z.uuid()]);

const listClocks = operation({
  operationId: 'listTestClocks',
  method: 'GET',
  path: '/v1/test-clocks',
  tag,
  summary: 'List test clocks',
  description: 'Oldest first.',
  access,
  forOperatorsToo: true,
  sandboxOnly: true,
  query: TestClocksQuery,
  success: [{ status: 200, description: 'One page.', schema: TestClockPage }],
  problems: [],
  handle: async ({ deps, query: { limit, cursor }, reply }) => {
    const [createdAt, id] = cursor === undefined ? [] : decodeToken(cursor, LIST, Place);
    const after = createdAt === undefined || id === undefined ? null : { createdAt, id };
    const found = await readTestClocks(deps.write, after, limit);
    const { data, next } = boundedPage<TestClockFound, ReturnType<typeof presentTestClock>, TestClockPlace>(
      found.clocks,
      { present: (row) => presentTestClock(row), placeBehind: ({ clock }) => clock, next: found.next },
    );
    return reply(200, { data, nextCursor: next === null ? null : encodeToken([next.createdAt, next.id], LIST) });
  },
});

const getClock = operation({
  operationId: 'getTestClock',
  method: 'GET',
  path: '/v1/test-clocks/{id}',
  tag,
  summary: 'Read a test clock',
  description: 'The clock, and what its last advance brought about so far.',
  access,
  forOperatorsToo: true,
  sandboxOnly: true,
  params: TestClockParams,
  success: [{ status: 200, description: 'The clock.', schema: TestClockDetails }],
  problems: ['not_found'],
  handle: async ({ deps, params: { id }, reply }) => {
    const found = await readClock(deps.write, id);
    if (found === undefined) throw noSuchClock();
    if (found.isInterrupted) deps.testClocks.advancer.takeUp(id);
    const last = await deps.testClocks.advancer.lastAdvance(found.clock);
    return reply(200, { ...presentTestClock(found), lastAdvance: last === null ? null : presentAdvance(last) });
  },
});

const advanceClock = operation({
  operationId: 'advanceTestClock',
  method: 'POST',
  path: '/v1/test-clocks/{id}/advance',
  tag,
  summary: 'Advance a test clock',
  description:
    'Lets time pass for the orders of the clock: everything that becomes due takes effect, in the order of the deadlines and ' +
    'each at exactly its own, and its events are sent as any others. Forward only, and at most 90 days in one call. A call ' +
    'that is repeated because its process died takes the advance up where it was, and a repetition with the same ' +
    '`Idempotency-Key`, or the same `to`, brings nothing about again: it is answered with 202 while the advance goes on, and with its outcome ' +
    'afterwards.',
  access,
  forOperatorsToo: true,
  sandboxOnly: true,
  params: TestClockParams,
  query: AdvanceQuery,
  answerParameters: ['wait'],
  body: Advance,
  takesKey: true,
  success: [
    { status: 200, description: 'The clock has arrived.', schema: AdvancedTestClock },
    {
      status: 202,
      description: 'It takes longer than `wait`; read the clock until it is ready.',
      schema: AdvancedTestClock,
    },
  ],
  problems: ['not_found', 'clock_busy'],
  handle: async (call) => {
    const { deps, params, query, body, reply } = call;
    const signal = call.signal();
    const destination = body.to === undefined ? { by: body.by ?? 0 } : { to: body.to };
    const key = idempotencyKey(call);
    const work = async (earlier: StoredResponse | null) => {
      const request: AdvanceRequest = {
        destination,
        key,
        begun: earlier === null ? null : wayOfAnswer(earlier.body),
        begunAnswer: (clock, way) => stored(reply(202, presentBegun(clock, way))),
      };
      const outcome = await deps.testClocks.advancer.advance(params.id, request, query.wait * 1_000, signal);
      switch (outcome.outcome) {
        case 'not_found':
          throw noSuchClock();
        case 'busy':
          throw isBusy();
        case 'out_of_reach': {
          throw invalidInput(outOfReach(body.to, outcome));
        }
        case 'advanced': {
          const shown = presentAdvanced(outcome.clock, outcome.advance);
          return stored(shown.status === 'ready' ? reply(200, shown) : reply(202, shown));
        }
        default:
          return outcome satisfies never;
      }
    };
    return replyTo(await runRepeatable(deps.write.db, key, work));
  },
});

const deleteClock = operation({
  operationId: 'deleteTestClock',
  method: 'DELETE',
  path: '/v1/test-clocks/{id}',
  tag,
  summary: 'Delete a test clock',
  description: 'Removes the clock with its orders, their disputes and events, and what was sent of them.',
  access,
  forOperatorsToo: true,
  sandboxOnly: true,
  params: TestClockParams,
  success: [{ status: 200, description: 'It is gone.', schema: DeletedTestClock }],
  problems: ['not_found', 'clock_busy'],
  handle: async ({ deps, params: { id }, reply }) => {
    const outcome = await deps.testClocks.remove(id);
    if (outcome === 'not_found') throw noSuchClock();
    if (outcome === 'busy') throw isBusy();
    return reply(200, { id, deleted: true });
  },
});

export const testClockRoutes = [createClock, listClocks, getClock, advanceClock, deleteClock];
