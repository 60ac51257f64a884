import { runRepeatable } from '../../application/idempotent.ts';
import { replyTo } from '../../http/endpoint/commands.ts';
import { operation } from '../../http/endpoint/endpoint.ts';
import { idempotencyKey } from '../../http/endpoint/idempotency-key.ts';
import { iso } from '../../http/endpoint/instants.ts';
import { stored } from '../../http/endpoint/reply.ts';
import { eraseUser } from '../erasures.ts';
import { Erasure, NewErasure } from './schemas.ts';

// As much as a request can wait for; the workers go on with the rest.
const BATCHES = 40;

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
    const { deps, body, caller, requestId } = call;
    const { db } = deps.write;
    const outcome = await runRepeatable(db, idempotencyKey(call), async () => {
      const { erasure, erased, waiting } = await eraseUser(
        {
          db,
          eraseCopies: deps.eraseCopies,
          onFailure: (disputeId) => deps.audit({ disputeId, requestId }, 'comments of a dispute could not be erased'),
        },
        body.userId,
        caller.id,
        BATCHES,
      );
      const requestedAt = iso(erasure.requestedAt);
      const done = { userId: erasure.userId, requestedAt, erased, waiting };
      deps.audit({ ...done, by: caller.id, requestId }, 'comments were erased');
      return stored(call.reply(200, done));
    });
    return replyTo(outcome);
  },
});

export const erasureRoutes = [eraseComments];
