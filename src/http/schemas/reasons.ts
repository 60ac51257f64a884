import { z } from 'zod';
import { ATTRIBUTIONS, REASONS } from '../../domain/reasons.ts';
import { Role } from './disputes.ts';

export const Reason = z
  .strictObject({
    code: z.string(),
    role: Role,
    label: z.string().meta({ description: 'As its opener would say it, in the language of the answer.' }),
    requiresComment: z.boolean(),
    attribution: z.enum(ATTRIBUTIONS).meta({ description: 'On whose account it counts in statistics.' }),
  })
  .meta({ id: 'Reason' });

export const ReasonList = z.strictObject({ data: z.array(Reason).max(REASONS.length) }).meta({ id: 'ReasonList' });
