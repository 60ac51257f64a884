import { z } from 'zod';
import { Timestamp, UserId } from '../../http/schemas/common.ts';

const Count = z.int().min(0);

export const NewErasure = z
  .strictObject({ userId: UserId })
  .meta({ id: 'NewErasure', examples: [{ userId: 'user-7' }] });

export const Erasure = z
  .strictObject({
    userId: UserId,
    requestedAt: Timestamp.meta({ description: 'What was written until then is meant.' }),
    erased: Count.meta({ description: 'Comments that were erased now.' }),
    waiting: Count.meta({ description: 'Comments in open disputes, and those for which the time was too short.' }),
  })
  .meta({ id: 'Erasure' });
