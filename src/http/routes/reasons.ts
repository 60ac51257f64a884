import { z } from 'zod';
import { REASONS } from '../../domain/reasons.ts';
import { DISPUTE_TYPES, ROLES, ruleOf } from '../../domain/rules.ts';
import { operation } from '../endpoint/endpoint.ts';
import { presentReason } from '../present/resolution-center.ts';
import { ReasonList } from '../schemas/reasons.ts';

const listReasons = operation({
  operationId: 'listReasons',
  method: 'GET',
  path: '/v1/reasons',
  tag: 'Reference',
  summary: 'List the reasons for a cancellation',
  description: 'The catalogue, in the order in which to offer it. Types other than `cancellation` have no reasons.',
  access: { anyone: true },
  query: z.strictObject({
    type: z.enum(DISPUTE_TYPES).optional().meta({ description: 'Only reasons for disputes of this type.' }),
    role: z.enum(ROLES).optional().meta({ description: 'Only reasons that an opener in this role may give.' }),
  }),
  success: [{ status: 200, description: 'The reasons.', schema: ReasonList }],
  problems: [],
  hasTexts: true,
  handle: async ({ query: { type = 'cancellation', role }, locale, reply }) => {
    const { opening } = ruleOf(type);
    const listed = REASONS.filter(
      (reason) => (role ?? reason.role) === reason.role && (opening[reason.role]?.reason ?? 'none') !== 'none',
    );
    return reply(200, { data: listed.map((reason) => presentReason(reason, locale)) });
  },
});

export const reasonRoutes = [listReasons];
