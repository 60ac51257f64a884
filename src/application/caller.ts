/** What services may be allowed to do. */
export const SCOPES = [
  'orders:write',
  'disputes:read',
  'events:read',
  'notices:write',
  'comments:read',
  'webhooks:manage',
  'test:clocks',
  'ops',
] as const;
export type Scope = (typeof SCOPES)[number];

export const USER_ID_LENGTH = 128;
/** What an id consists of. Its length is checked apart: a bounded repetition is slow in V8, and says less of what is wrong. */
export const USER_ID_CHARACTERS = /^[!-~]*$/;

/**
 * Whether a text may be the id of a user or a service, as identity providers issue them (`auth0|5f7c12`, `ana@example.org`): opaque, 1 to 128
 * printable ASCII characters without white space.
 */
export const isUserId = (text: string): boolean =>
  text !== '' && text.length <= USER_ID_LENGTH && USER_ID_CHARACTERS.test(text);

/** Who sends a request: a user, who acts as a party of its orders, or a service with scopes. */
export type Caller =
  | { readonly kind: 'user'; readonly id: string }
  | { readonly kind: 'service'; readonly id: string; readonly scopes: readonly Scope[] };

/** Whether a caller is a service that has been given a scope. */
export function hasScope(caller: Caller, scope: Scope): boolean {
  return caller.kind === 'service' && caller.scopes.includes(scope);
}

/** The user whose orders a caller is confined to; null for a service, which its scopes confine. */
export function partyIdOf(caller: Caller): string | null {
  return caller.kind === 'user' ? caller.id : null;
}

/** What tells callers apart where something is kept for each of them. */
export function callerKey(caller: Caller): string {
  return `${caller.kind}:${caller.id}`;
}
