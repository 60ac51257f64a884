import { describe, expect, test } from 'vitest';
import { callerOf, claimOf, type TokenRules } from '../../../src/http/auth/claims.ts';

const RULES: TokenRules = {
  issuer: null,
  audiences: [],
  userClaim: 'sub',
  scopeClaims: ['scope', 'scp'],
  scopePrefix: '',
};
const who = (claims: object, rules: Partial<TokenRules> = {}) =>
  callerOf({ sub: 'someone', ...claims }, { ...RULES, ...rules });
const user = { kind: 'user', id: 'someone' };
const service = (...scopes: string[]) => ({ kind: 'service', id: 'someone', scopes });

describe('scopes are taken', () => {
  test.each<[string, object, Partial<TokenRules>, object]>([
    ['from scope, as a string', { scope: 'ops orders:write' }, {}, service('ops', 'orders:write')],
    ['from scope, as a list', { scope: ['ops'] }, {}, service('ops')],
    ['from scp, as a string', { scp: 'ops' }, {}, service('ops')],
    ['from scp, as a list', { scp: ['ops', 'orders:write'] }, {}, service('ops', 'orders:write')],
    ['from both, each once', { scope: 'ops', scp: ['ops', 'events:read'] }, {}, service('ops', 'events:read')],
    ['whatever the spaces around them', { scope: '  ops   openid ' }, {}, service('ops')],
    ['not from permissions, unless named', { permissions: ['ops'], roles: ['ops'] }, {}, user],
    ['from permissions, where named', { permissions: ['ops'] }, { scopeClaims: ['permissions'] }, service('ops')],
    ['not from scope, where another is named', { scope: 'ops' }, { scopeClaims: ['permissions'] }, user],
    ['with their prefix', { scope: 'rc/ops other/ops ops' }, { scopePrefix: 'rc/' }, service('ops')],
    ['not by a part of a role', { roles: ['not ops', 'ops team'] }, { scopeClaims: ['roles'] }, user],
    ['not in other letters', { scope: 'OPS Ops' }, {}, user],
    ['none, where the claim is null', { scope: null }, {}, user],
    ['none, where the claim is empty', { scope: '', scp: [] }, {}, user],
    ['none of those of a login', { scope: 'openid profile email offline_access' }, {}, user],
  ])('%s', (_what, claims, rules, expected) => {
    expect(who(claims, rules)).toEqual(expected);
  });

  test.each<[string, object]>([
    ['a number', { scope: 1 }],
    ['a boolean', { scp: true }],
    ['an object', { scope: { ops: true } }],
    ['a list with more than strings', { scope: ['ops', null] }],
    ['a list of lists', { scp: [['ops']] }],
    ['one of two', { scope: 'ops', scp: 5 }],
  ])('and a token is refused where a claim is %s', (_what, claims) => {
    expect(who(claims)).toMatchObject({ reason: 'invalid_claim' });
  });
});

describe('the name of a claim', () => {
  const claims = {
    'https://example.org/roles': 'url',
    'a.b': 'literal',
    a: { b: 'path', 'c.d': { e: 'deep' }, list: ['x'], nothing: null },
    resource_access: { 'shop.example': { roles: ['ops'] } },
  };

  test.each<[string, unknown]>([
    ['https://example.org/roles', 'url'],
    ['a.b', 'literal'],
    ['a.c.d.e', 'deep'],
    ['resource_access.shop.example.roles', ['ops']],
    ['a.list.0', undefined],
    ['a.nothing', undefined],
    ['a.b.length', undefined],
    ['constructor.name', undefined],
    ['__proto__.toString', undefined],
    ['missing', undefined],
    ['', undefined],
    ['.', undefined],
  ])('%s is found as it stands, or else as a path', (name, expected) => {
    expect(claimOf(claims, name)).toEqual(expected);
  });
});

describe('a token is a program’s own', () => {
  test.each<[string, object]>([
    ['by RFC 9068, Cognito', { client_id: 'someone' }],
    ['of Okta', { cid: 'someone' }],
    ['of Google', { azp: 'someone' }],
    ['of Entra', { oid: 'someone' }],
    ['of Entra, by the optional claim', { idtyp: 'app' }],
    ['of Auth0', { gty: 'client-credentials' }],
    ['of Auth0, in the profile of RFC 9068', { sub: 'abc@clients', client_id: 'abc' }],
    ['of Keycloak', { azp: 'Orders', preferred_username: 'service-account-orders' }],
  ])('%s: without scopes it is a service that may do nothing', (_of, claims) => {
    expect(who(claims)).toMatchObject({ kind: 'service', scopes: [] });
  });

  test.each<[string, object]>([
    ['an application that a person uses', { client_id: 'shop', azp: 'shop', cid: 'shop' }],
    ['an object id that is not its sub', { oid: 'another' }],
    ['a name like a service account of another client', { azp: 'shop', preferred_username: 'service-account-orders' }],
    ['claims of other types', { client_id: ['someone'], azp: { sub: 'someone' }, oid: 7, gty: ['client-credentials'] }],
  ])('and a person’s with %s', (_what, claims) => {
    expect(who(claims)).toEqual(user);
  });
});

describe('the id', () => {
  const named = { userClaim: 'uid' };

  test('of a user is in the claim that is configured, of a service in sub or else there', () => {
    expect(who({ uid: '00u1' }, named)).toEqual({ kind: 'user', id: '00u1' });
    expect(who({ uid: '00u1', sub: undefined }, named)).toEqual({ kind: 'user', id: '00u1' });
    expect(who({ uid: '00u1', scope: 'ops' }, named)).toEqual(service('ops'));
    expect(who({ scope: 'ops' }, named)).toEqual(service('ops'));
    expect(who({ sub: undefined, uid: '00u1', scope: 'ops' }, named)).toEqual({ ...service('ops'), id: '00u1' });
  });

  test.each<[string, object, Partial<TokenRules>, string]>([
    ['missing', {}, named, 'missing_claim'],
    ['a number', { uid: 7 }, named, 'invalid_user_id'],
    ['a list', { uid: ['00u1'] }, named, 'invalid_user_id'],
    ['empty', { uid: '' }, named, 'invalid_user_id'],
    ['with a space', { uid: 'a b' }, named, 'invalid_user_id'],
    ['too long', { uid: 'x'.repeat(129) }, named, 'invalid_user_id'],
    ['missing in a service’s sub', { sub: undefined, scope: 'ops' }, {}, 'missing_claim'],
  ])('refuses the token where it is %s', (_what, claims, rules, reason) => {
    expect(who(claims, rules)).toMatchObject({ reason });
  });

  test('may be an email, unless the issuer says that it is not verified', () => {
    const email = { userClaim: 'email' };
    const ana = { email: 'ana@example.org' };
    expect(who(ana, email)).toEqual({ kind: 'user', id: ana.email });
    expect(who({ ...ana, email_verified: true }, email)).toEqual({ kind: 'user', id: ana.email });
    expect(who({ ...ana, email_verified: 'true' }, email)).toEqual({ kind: 'user', id: ana.email });
    for (const email_verified of [false, 'false', null, 0]) {
      expect(who({ ...ana, email_verified }, email)).toMatchObject({ reason: 'invalid_claim' });
    }
    expect(who({ email_verified: false })).toEqual(user);
  });
});

describe('the audience', () => {
  const audiences = ['rc', 'api://rc'];

  test.each<[string, object, string | null]>([
    ['one', { aud: 'rc' }, null],
    ['one of several', { aud: ['shop', 'api://rc'] }, null],
    ['another', { aud: 'shop' }, 'wrong_audience'],
    ['none of several', { aud: ['shop', 'mail'] }, 'wrong_audience'],
    ['an empty list', { aud: [] }, 'wrong_audience'],
    ['an object', { aud: { rc: true } }, 'wrong_audience'],
    ['missing', {}, 'missing_claim'],
    ['missing, with the client instead (Cognito)', { client_id: 'rc' }, null],
    ['missing, with another client', { client_id: 'shop' }, 'wrong_client'],
    ['missing, with a client that is no text', { client_id: ['rc'] }, 'wrong_client'],
    ['null, with the client instead', { aud: null, client_id: 'rc' }, null],
    ['a list of lists', { aud: [['rc']] }, 'wrong_audience'],
    ['another, whatever the client is', { aud: 'shop', client_id: 'rc' }, 'wrong_audience'],
  ])('is %s', (_what, claims, reason) => {
    expect(who(claims, { audiences })).toMatchObject(reason === null ? { kind: 'user' } : { reason });
  });
});
