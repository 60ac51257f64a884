import type { Role } from './rules.ts';

/** On whose account a cancellation counts in statistics. */
export const ATTRIBUTIONS = ['client', 'freelancer', 'neutral'] as const;
export type Attribution = (typeof ATTRIBUTIONS)[number];

/** Why a party asks to cancel: a code from the catalogue of its role. */
export interface Reason {
  readonly code: string;
  readonly role: Role;
  readonly label: string;
  readonly requiresComment: boolean;
  readonly attribution: Attribution;
}

type Row = readonly [code: string, label: string, attribution: Attribution, comment?: 'comment'];

const CLIENT_REASONS: readonly Row[] = [
  ['ordered_by_mistake', 'I ordered by mistake', 'client'],
  ['duplicate_order', 'I placed this order twice', 'client'],
  ['no_longer_needed', 'I no longer need it', 'client'],
  ['requirements_changed', 'My requirements have changed', 'client'],
  ['found_alternative', 'I found another solution', 'client'],
  ['freelancer_not_responding', 'The freelancer does not respond', 'freelancer'],
  ['late_delivery', 'The delivery is late', 'freelancer'],
  ['service_not_received', 'I did not receive what I ordered', 'freelancer'],
  ['not_as_described', 'It is not as described', 'freelancer', 'comment'],
  ['quality_below_expectations', 'The quality is below expectations', 'freelancer', 'comment'],
  ['scope_or_price_disagreement', 'We do not agree on scope or price', 'neutral'],
  ['freelancer_requested_cancel', 'The freelancer asked me to cancel', 'freelancer'],
  ['policy_or_ip_concern', 'I have a policy or copyright concern', 'freelancer', 'comment'],
  ['other', 'Another reason', 'neutral', 'comment'],
];

const FREELANCER_REASONS: readonly Row[] = [
  ['client_requested_cancel', 'The client asked me to cancel', 'client'],
  ['client_not_responding', 'The client does not respond', 'client'],
  ['requirements_not_provided', 'The client did not provide the requirements', 'client'],
  ['ordered_wrong_service', 'The client ordered the wrong service', 'client'],
  ['out_of_scope_request', 'The request is out of scope', 'client'],
  ['excessive_revisions', 'The client asks for too many revisions', 'client', 'comment'],
  ['scope_or_price_disagreement', 'We do not agree on scope or price', 'neutral'],
  ['duplicate_order', 'The client placed this order twice', 'client'],
  ['cannot_deliver_on_time', 'I cannot deliver on time', 'freelancer'],
  ['unable_to_complete', 'I am unable to complete the order', 'freelancer'],
  ['personal_emergency', 'I have a personal emergency', 'freelancer'],
  ['abusive_behavior', 'The client behaves abusively', 'client', 'comment'],
  ['policy_violation', 'The request violates a policy', 'client', 'comment'],
  ['other', 'Another reason', 'neutral', 'comment'],
];

const catalogue = (role: Role, rows: readonly Row[]): Reason[] =>
  rows.map(([code, label, attribution, comment]) => ({
    code,
    role,
    label,
    requiresComment: comment === 'comment',
    attribution,
  }));

/** The catalogue of cancellation reasons; a code may stand in it once for each role. */
export const REASONS: readonly Reason[] = [
  ...catalogue('client', CLIENT_REASONS),
  ...catalogue('freelancer', FREELANCER_REASONS),
];

/** The reason that a role may give by this code, or undefined. */
export function findReason(role: Role, code: string): Reason | undefined {
  return REASONS.find((reason) => reason.role === role && reason.code === code);
}
