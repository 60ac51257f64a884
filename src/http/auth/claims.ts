import type { JWTPayload } from 'jose';
import { type Caller, isUserId, SCOPES, type Scope } from '../../application/caller.ts';
import { refusal, type TokenRefusal } from './token-refusal.ts';

/** Where an issuer's tokens say what this service wants to know. */
export interface TokenRules {
  /** What `iss` has to be; null for any. */
  readonly issuer: string | null;
  /** One of these has to be in `aud`; none for any audience. */
  readonly audiences: readonly string[];
  /** The claim with the id of a user. */
  readonly userClaim: string;
  /** The claims with scopes; those of all of them count. */
  readonly scopeClaims: readonly string[];
  /** What stands before each scope of this service; scopes without it are of other services. */
  readonly scopePrefix: string;
}

type Claims = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Claims =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The value of a claim. A name is first taken as it stands (`https://example.org/roles`), then as a path into nested
 * claims (`realm_access.roles`), whose members may have dots in their names.
 * @returns undefined where there is none, or null
 */
export function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name] ?? undefined;
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
    const inner = Object.hasOwn(claims, name.slice(0, dot)) ? claims[name.slice(0, dot)] : undefined;
    const found = isObject(inner) ? claimOf(inner, name.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isScope = (word: string): word is Scope => (SCOPES as readonly string[]).includes(word);

/** The scopes of this service that a token has; the login's `openid profile` and those of other services are left out. */
function scopesOf(claims: Claims, { scopeClaims, scopePrefix }: TokenRules): readonly Scope[] | TokenRefusal {
  const words: string[] = [];
  for (const name of scopeClaims) {
    const value = claimOf(claims, name);
    if (isText(value)) words.push(...value.split(' '));
    // Members of a list are not split: a role named `not ops` is no `ops`.
    else if (Array.isArray(value) && value.every(isText)) words.push(...value);
    else if (value !== undefined) return refusal('invalid_claim', `${name} is neither a string nor a list of strings`);
  }
  const ours = words.filter((word) => word.startsWith(scopePrefix)).map((word) => word.slice(scopePrefix.length));
  return [...new Set(ours.filter(isScope))];
}

/** Whether a token was issued to a program for itself (client credentials): issuers have a sign each for that. */
function isOfProgram(claims: Claims): boolean {
  const { sub, client_id, cid, azp, oid, gty, idtyp, preferred_username } = claims;
  const clients = [client_id, cid, azp].filter(isText);
  return (
    gty === 'client-credentials' || // Auth0
    idtyp === 'app' || // Entra, where the optional claim is configured
    (isText(sub) &&
      (clients.includes(sub) || // RFC 9068, Okta, Cognito, Google
        oid === sub || // Entra: a person's sub is another than its oid
        clients.some((client) => sub === `${client}@clients`))) || // Auth0
    clients.some((client) => preferred_username === `service-account-${client.toLowerCase()}`) // Keycloak
  );
}

function idOf(claims: Claims, claim: string): string | TokenRefusal {
  const id = claimOf(claims, claim);
  if (id === undefined) return refusal('missing_claim', claim);
  if (!isText(id) || !isUserId(id)) return refusal('invalid_user_id', claim);
  return id;
}

const isUnverifiedEmail = (claims: Claims, claim: string) =>
  claim === 'email' && claims['email_verified'] !== undefined && String(claims['email_verified']) !== 'true';

/** Whether a token is for this service. Cognito's access tokens have no `aud`: their `client_id` counts instead. */
function audienceFault({ aud, client_id }: JWTPayload, { audiences }: TokenRules): TokenRefusal | null {
  if (audiences.length === 0) return null;
  const isOurs = (one: unknown) => isText(one) && audiences.includes(one);
  const named: unknown = aud ?? undefined;
  if (named !== undefined) return [named].flat().some(isOurs) ? null : refusal('wrong_audience');
  if (client_id === undefined) return refusal('missing_claim', 'aud');
  return isOurs(client_id) ? null : refusal('wrong_client');
}

/**
 * Says who a verified token belongs to. With scopes of this service, or issued to a program for itself, it is a service,
 * named by its `sub`; else a user, named by the claim that the rules name. That claim also names a service without `sub`.
 */
export function callerOf(claims: JWTPayload, rules: TokenRules): Caller | TokenRefusal {
  const fault = audienceFault(claims, rules);
  if (fault !== null) return fault;
  const scopes = scopesOf(claims, rules);
  if ('reason' in scopes) return scopes;
  const isService = scopes.length > 0 || isOfProgram(claims);
  const hasOtherName = claimOf(claims, 'sub') === undefined && claimOf(claims, rules.userClaim) !== undefined;
  const claim = isService && !hasOtherName ? 'sub' : rules.userClaim;
  const id = idOf(claims, claim);
  if (!isText(id)) return id;
  if (isService) return { kind: 'service', id, scopes };
  if (isUnverifiedEmail(claims, claim)) return refusal('invalid_claim', 'the issuer has not verified email');
  return { kind: 'user', id };
}
