import { eraseUser } from '../../operations/erasures.ts';
import { runOnce } from '../../operations/idempotent.ts';
import { idempotencyKey, replyTo, respond } from '../commands.ts';
import { operation } from '../operation.ts';
import { Erasure, NewErasure } from '../schemas/ops.ts';

// As much as a request can wait for; the workers go on with the rest.
const BATCHES = 10;

const eraseComments = operation({
  operationId: 'eraseComments',
  method: 'POST',
  path: '/v1/ops/erasures',
  tag: 'Operations',
  summary: 'Erase what a user has written',
  description:
    "Takes the user's comments out of resolved disputes, and out of those that are open once they are resolved. What " +
    'happened and when remains; the timeline says that a comment was erased. Asking again does no harm, and goes for ' +
    'what the user has written since.',
  access: { scopes: ['ops'] },
  body: NewErasure,
  takesKey: true,
  success: [{ status: 200, description: 'What was erased, and what waits.', schema: Erasure }],
  problems: [],
  handle: async (call) => {
    const key = idempotencyKey(call);
    const { db } = call.deps.write;
    const { erasure, erased, waiting } = await eraseUser(db, call.body.userId, call.caller.id, BATCHES);
    const requestedAt = new Date(erasure.requestedAt).toISOString();
    const body = { userId: erasure.userId, requestedAt, erased, waiting };
    call.deps.audit({ ...body, by: call.caller.id, requestId: call.requestId }, 'comments were erased');
    return replyTo(await runOnce(db, key, async () => respond(200, body)));
  },
});

export const erasureOperations = [eraseComments];
