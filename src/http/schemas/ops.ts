import { z } from 'zod';
import { DEADLINE_STATES } from '../../application/deadlines.ts';
import { WORKERS_AT_MOST } from '../../application/heartbeats/heartbeats.ts';
import { LONGEST_BACK_MS } from '../../domain/holds.ts';
import { DISPUTE_TYPES } from '../../domain/rules.ts';
import { fault } from '../problems/input-errors.ts';
import { DisputeId, InstantInput, Note, OrderId, Timestamp, uuid } from './common.ts';
import { DisputeType } from './disputes.ts';
import { cursor, decimal, optional } from './input.ts';

const DAY_MS = 86_400_000;
const Count = z.int().min(0);

const DeadlineCounts = z
  .strictObject({
    pending: Count,
    overdue: Count,
    missing_job: Count.nullable().meta({ description: 'Null while Redis is away.' }),
    orphan_job: Count.nullable().meta({ description: 'Null while Redis is away.' }),
  })
  .meta({ id: 'DeadlineCounts' });

const DeadlineItem = z
  .strictObject({
    disputeId: DisputeId,
    orderId: OrderId.nullable().meta({ description: 'Null for an orphan: its job knows only the dispute.' }),
    type: DisputeType.nullable(),
    deadlineSeq: z
      .int()
      .min(1)
      .meta({ description: 'Which promise of a deadline this is: it counts up when it is moved.' }),
    dueAt: Timestamp,
    latenessSeconds: z.number().meta({ description: 'How long ago it was due; negative for what lies ahead.' }),
  })
  .meta({ id: 'Deadline' });

const Worker = z
  .strictObject({
    instance: z.string().meta({ description: 'Its host and process id, as in its log.' }),
    version: z.string().meta({ description: 'Its release, as in `info.version`.' }),
    startedAt: Timestamp,
    seenAt: Timestamp.meta({ description: 'Its last heartbeat; it leaves one every four seconds.' }),
    alive: z.boolean().meta({ description: 'Whether its last heartbeat is at most 15 s old.' }),
  })
  .meta({ id: 'Worker', description: 'A process that applies deadlines: of the role `worker` or `all`.' });

const ActiveHolds = z
  .strictObject({
    count: Count.meta({ description: 'How many holds last.' }),
    ofAllSince: Timestamp.nullable().meta({
      description: 'From when on the oldest one of all disputes counts; null if there is none.',
    }),
  })
  .meta({
    id: 'ActiveHolds',
    description:
      'The holds that last, by which deadlines take no effect; `GET /v1/ops/holds?status=active` lists them.',
  });

export const DeadlineView = z
  .strictObject({
    counts: DeadlineCounts,
    countedUpTo: z.int().meta({ description: 'Counts of what is in Postgres stop here.' }),
    examinedUpTo: z
      .int()
      .meta({ description: 'So many timers and jobs, those that are due first, were compared for the others.' }),
    holds: ActiveHolds,
    redis: z.enum(['up', 'down']),
    worker: z
      .enum(['up', 'down'])
      .meta({ description: '`down`: no worker lives, and a deadline takes effect only when its dispute is read.' }),
    workers: z.array(Worker).max(WORKERS_AT_MOST).meta({
      description:
        'Those that live first. One that stops in an orderly way leaves the list at once, a dead one an hour later, and only while another lives.',
    }),
    state: z.enum(DEADLINE_STATES),
    data: z.array(DeadlineItem),
    nextCursor: z.string().nullable(),
    serverTime: Timestamp,
  })
  .meta({ id: 'DeadlineView' });

export const DeadlinesQuery = z.strictObject({
  state: z.enum(DEADLINE_STATES).default('overdue').meta({ description: 'Which deadlines are listed.' }),
  limit: decimal({ min: 1, max: 100, byDefault: 20 }).meta({ description: 'How many a page has at most.' }),
  cursor: cursor(300).meta({ description: 'The `nextCursor` of the page before, with the same state.' }),
});

export const Reconciliation = z
  .strictObject({
    settled: Count.meta({ description: 'Overdue deadlines that took effect now.' }),
    failed: Count.meta({ description: 'Overdue deadlines that could not take effect and will be tried again.' }),
    reenqueued: Count.meta({ description: 'Jobs that were missing and are there again.' }),
    removed: Count.meta({ description: 'Jobs without a deadline, which were removed from the queue.' }),
    complete: z
      .boolean()
      .meta({ description: 'False if the time was over before everything was looked at: call again.' }),
  })
  .meta({ id: 'Reconciliation' });

/** How many orders a hold names at most. */
const MAX_HELD = 1_000;

export const NewHold = z
  .strictObject({
    type: optional(DisputeType).meta({ description: 'Only disputes of this type.' }),
    orderIds: optional(z.array(OrderId).min(1).max(MAX_HELD)).meta({ description: 'Only disputes of these orders.' }),
    note: Note,
    since: optional(InstantInput).meta({
      description:
        `From when on it counts, at most ${LONGEST_BACK_MS / DAY_MS} days ago; without it, from now. The deadline of every ` +
        'dispute that is open when the hold is begun moves by the time since then, also one that has passed meanwhile and ' +
        'has not taken effect yet. What is resolved stays resolved.',
    }),
  })
  .refine(({ type, orderIds }) => type === undefined || orderIds === undefined, {
    path: ['orderIds'],
    ...fault('unknown', {}, 'Leave this out where a type is given.'),
  })
  .meta({
    id: 'NewHold',
    description: 'Without `type` and `orderIds` it is for all disputes.',
    examples: [{ note: 'Mail is down.' }, { type: 'cancellation', note: 'Mail is down since 09:40.' }],
  });

export const Hold = z
  .strictObject({
    id: z.uuid(),
    scope: z.enum(['all', 'type', 'orders']),
    type: z.enum(DISPUTE_TYPES).nullable(),
    orderIds: z.array(OrderId).max(MAX_HELD).nullable(),
    note: z.string(),
    status: z.enum(['active', 'releasing', 'released']).meta({
      description:
        '`releasing`: no longer active, and the deadlines are still being moved. They cannot take effect too early.',
    }),
    since: Timestamp.meta({ description: 'From when on it counts.' }),
    createdAt: Timestamp.meta({ description: 'When it was begun.' }),
    createdBy: z.string(),
    releasedAt: Timestamp.nullable(),
    releasedBy: z.string().nullable(),
    heldSeconds: z
      .number()
      .meta({ description: 'How long it has counted: from `since` to its release, or until now.' }),
  })
  .meta({ id: 'Hold', description: 'A time in which silence takes no effect.' });

export const HoldList = z
  .strictObject({ data: z.array(Hold), nextCursor: z.string().nullable() })
  .meta({ id: 'HoldList' });

export const HoldsQuery = z.strictObject({
  limit: decimal({ min: 1, max: 100, byDefault: 20 }).meta({ description: 'How many a page has at most.' }),
  cursor: cursor(200).meta({ description: 'The `nextCursor` of the page before.' }),
  status: z.enum(['active']).optional().meta({ description: 'Only holds that last.' }),
  orderId: OrderId.optional().meta({
    description:
      'Only holds that covered a dispute of this order while it was open; none where a test clock tells its time.',
  }),
});

export const ReleasedHold = z
  .strictObject({
    hold: Hold,
    moved: Count.meta({ description: 'Deadlines that this request has moved.' }),
    complete: z.boolean().meta({ description: 'Whether all are moved; if not, the workers go on with the rest.' }),
  })
  .meta({ id: 'ReleasedHold' });

export const HoldParams = z.strictObject({ id: uuid() });
