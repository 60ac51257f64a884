import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Claims = Readonly<Record<string, unknown>>;

/** Tokens in the shape of one issuer, as its documentation shows them. */
export interface Shape {
  /** Users' tokens, each with the id that they give. */
  readonly users: readonly (readonly [id: string, claims: Claims])[];
  /** A program's token with the right to report orders; null where the issuer has none. */
  readonly service: Claims | null;
  /** The same program's without that right; null where nothing in the token tells it from a user's. */
  readonly program: Claims | null;
  /** What is sent by mistake, and the reason for which it is refused. */
  readonly refused: readonly (readonly [what: string, token: Claims | string, reason: string])[];
}

const without = (claims: Claims, name: string): Claims => ({ ...claims, [name]: undefined });

const AUTH0 = { iss: 'https://TENANT.eu.auth0.com/', aud: 'https://rc.example.org' };
const auth0User = (sub: string): Claims => ({
  ...AUTH0,
  sub,
  aud: ['https://rc.example.org', 'https://TENANT.eu.auth0.com/userinfo'],
  azp: 'K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja',
  scope: 'openid profile email',
});
const AUTH0_PROGRAM = {
  ...AUTH0,
  sub: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx@clients',
  azp: 'awZfdIir8YFdGZWkvCejDoUb7SjTDicx',
  gty: 'client-credentials',
};
const AUTH0_USERS = ['auth0|5f7c8ec7c33c6c004bbafe82', 'google-oauth2|115015401343387192604'] as const;

const OKTA = { ver: 1, iss: 'https://TENANT.okta.com/oauth2/default', aud: 'api://default', jti: 'AT.MNAoEQ' };
const OKTA_USER = { ...OKTA, cid: '0oa1gjh63g214q0Iq0g4', uid: '00u1a2b3c4D5E6F7g8h9', scp: ['openid', 'profile'] };

const USER_OID = '690222be-ff1a-4d56-abd1-7e4f7d38e474';
const APP_OID = '6d3bd1bb-9f9b-4d6a-8a2b-3c1f6a1f9a01';
const ENTRA_2 = { iss: 'https://login.microsoftonline.com/TENANT/v2.0', aud: 'APPLICATION', ver: '2.0', tid: 'TENANT' };
const ENTRA_1 = { iss: 'https://sts.windows.net/TENANT/', aud: 'api://APPLICATION', ver: '1.0', tid: 'TENANT' };
/** Entra signs with a hash of the nonce in its place, so that only Graph can verify what it sends. */
const GRAPH_TOKEN = [
  JSON.stringify({ typ: 'JWT', nonce: 'kRbhVnzYcqVhUwOgBqVnGqV0mRkSnnRjlOEVLCSqQQg', alg: 'RS256' }),
  JSON.stringify({ aud: 'https://graph.microsoft.com', iss: 'https://sts.windows.net/TENANT/', exp: 4_102_444_800 }),
  'signature '.repeat(26).slice(0, 256),
]
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');

function entra(common: Claims, other: Claims): Shape {
  const user = { ...common, oid: USER_OID, sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ', scp: 'access_as_user' };
  const program = { ...common, oid: APP_OID, sub: APP_OID, azp: 'daemon', azpacr: '1' };
  return {
    users: [[USER_OID, user]],
    service: { ...program, roles: ['orders:write'] },
    program: { ...program, roles: ['Mail.Send'] },
    refused: [
      ['a token of the other version', { ...user, ...other }, 'wrong_issuer'],
      ['a token for Microsoft Graph', GRAPH_TOKEN, 'bad_signature'],
      ['a token for another API', { ...user, aud: 'api://OTHER' }, 'wrong_audience'],
      ['a token without an object id', without(user, 'oid'), 'missing_claim'],
    ],
  };
}

const KEYCLOAK_USER_ID = '7ddaf89f-69eb-4ecf-a9ca-acba11211986';
const KEYCLOAK = {
  iss: 'https://login.example.org/realms/REALM',
  aud: ['resolution-center', 'account'],
  typ: 'Bearer',
  realm_access: { roles: ['offline_access', 'uma_authorization', 'ops'] },
};
const KEYCLOAK_USER = {
  ...KEYCLOAK,
  sub: KEYCLOAK_USER_ID,
  azp: 'shop',
  scope: 'openid email profile',
  preferred_username: 'ana',
  resource_access: { account: { roles: ['manage-account', 'view-profile'] } },
};
const KEYCLOAK_PROGRAM = {
  ...KEYCLOAK,
  sub: '0f3c6f51-5ae2-4a63-8a2b-1f6c7e1f9a01',
  azp: 'Order-Service',
  client_id: 'Order-Service',
  scope: 'email profile',
  preferred_username: 'service-account-order-service',
};
const KEYCLOAK_REFUSED: Shape['refused'] = [
  ['a token without the audience mapper', { ...KEYCLOAK_USER, aud: 'account' }, 'wrong_audience'],
  ['a token of another realm', { ...KEYCLOAK_USER, iss: 'https://login.example.org/realms/master' }, 'wrong_issuer'],
];

const COGNITO = {
  iss: 'https://cognito-idp.REGION.amazonaws.com/POOL',
  token_use: 'access',
  version: 2,
  aud: undefined,
};
const COGNITO_USER = {
  ...COGNITO,
  sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
  client_id: 'WEBCLIENT',
  username: 'ana',
  'cognito:groups': ['ops'],
  scope: 'aws.cognito.signin.user.admin openid',
};

const GOOGLE_USER = {
  iss: 'https://accounts.google.com',
  azp: 'CLIENT.apps.googleusercontent.com',
  aud: 'CLIENT.apps.googleusercontent.com',
  sub: '115015401343387192604',
  email: 'ana@example.org',
  email_verified: true,
};

/** By the first column of the table in docs/identity.md. */
export const SHAPES: Readonly<Record<string, Shape>> = {
  Auth0: {
    users: AUTH0_USERS.map((sub) => [sub, auth0User(sub)] as const),
    service: { ...AUTH0_PROGRAM, scope: 'orders:write' },
    program: { ...AUTH0_PROGRAM, scope: 'read:patients', permissions: ['orders:write'] },
    refused: [
      [
        'the encrypted token of a login without an audience',
        'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiaXNzIjoiaHR0cHM6Ly9URU5BTlQuZXUuYXV0aDAuY29tLyJ9..AA.AA.AA',
        'encrypted',
      ],
      ['an ID token', { ...auth0User(AUTH0_USERS[0]), aud: 'K1AUPhZq8mRi0Q0pjhkfu1D7y6KjDQja' }, 'wrong_audience'],
    ],
  },
  'Auth0, roles (RBAC) with permissions in the token': {
    users: AUTH0_USERS.map((sub) => [sub, { ...auth0User(sub), permissions: [] }] as const),
    service: { ...AUTH0_PROGRAM, scope: 'orders:write', permissions: ['orders:write'] },
    program: { ...AUTH0_PROGRAM, scope: 'orders:write', permissions: ['read:patients'] },
    refused: [['permissions that are no list', { ...AUTH0_PROGRAM, permissions: { orders: true } }, 'invalid_claim']],
  },
  'Okta, custom authorization server': {
    users: [['ana@example.org', { ...OKTA_USER, sub: 'ana@example.org' }]],
    service: { ...OKTA, cid: '0oaservice', sub: '0oaservice', scp: ['orders:write'] },
    program: { ...OKTA, cid: '0oaservice', sub: '0oaservice', scp: ['mail:send'] },
    refused: [
      [
        "a token of Okta's own server",
        { ...OKTA_USER, sub: 'ana@example.org', iss: 'https://TENANT.okta.com', aud: 'https://TENANT.okta.com' },
        'wrong_issuer',
      ],
    ],
  },
  'Microsoft Entra ID, v2.0 tokens': entra(ENTRA_2, ENTRA_1),
  'Microsoft Entra ID, v1.0 tokens': entra(ENTRA_1, ENTRA_2),
  'Keycloak, client scopes': {
    users: [[KEYCLOAK_USER_ID, KEYCLOAK_USER]],
    service: { ...KEYCLOAK_PROGRAM, scope: 'email profile orders:write' },
    program: KEYCLOAK_PROGRAM,
    refused: KEYCLOAK_REFUSED,
  },
  'Keycloak, client roles': {
    users: [[KEYCLOAK_USER_ID, KEYCLOAK_USER]],
    service: { ...KEYCLOAK_PROGRAM, resource_access: { 'resolution-center': { roles: ['orders:write'] } } },
    program: { ...KEYCLOAK_PROGRAM, resource_access: { account: { roles: ['orders:write'] } } },
    refused: KEYCLOAK_REFUSED,
  },
  'Amazon Cognito': {
    users: [[COGNITO_USER.sub, COGNITO_USER]],
    service: { ...COGNITO, sub: 'ORDERCLIENT', client_id: 'ORDERCLIENT', scope: 'rc/orders:write' },
    program: { ...COGNITO, sub: 'ORDERCLIENT', client_id: 'ORDERCLIENT', scope: 'other/orders:write orders:write' },
    refused: [['a token of another app client', { ...COGNITO_USER, client_id: 'OTHER' }, 'wrong_client']],
  },
  'Google, ID tokens': {
    users: [[GOOGLE_USER.sub, GOOGLE_USER]],
    service: null,
    program: { ...GOOGLE_USER, sub: '1029384756', azp: '1029384756', email: 'orders@project.iam.gserviceaccount.com' },
    refused: [
      ['an access token', 'ya29.a0AfH6SMBxQ1-opaque', 'malformed'],
      [
        'an ID token of another application',
        { ...GOOGLE_USER, aud: 'OTHER.apps.googleusercontent.com' },
        'wrong_audience',
      ],
    ],
  },
  'Your own, HS256': {
    users: [['user-7', { sub: 'user-7', iss: undefined, aud: undefined }]],
    service: { sub: 'order-service', scope: 'orders:write', iss: undefined, aud: undefined },
    program: null,
    refused: [['a token without a user', { iss: undefined, aud: undefined }, 'missing_claim']],
  },
};

/** The rows of the table in the documentation: issuer and environment. */
export function documentedIssuers(): readonly (readonly [name: string, env: Record<string, string>])[] {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/identity.md'), 'utf8');
  const [, section = ''] = text.split('## Settings by issuer');
  const rows = section.split('\n## ')[0]?.matchAll(/^\| ([^|`]+) \| (`[A-Z_]+=[^|]+) \|/gm) ?? [];
  return [...rows].map(([, name = '', settings = '']) => {
    const pairs = [...settings.matchAll(/`([A-Z_]+)=([^`]+)`/g)].map(([, key = '', value = '']) => [key, value]);
    return [name, Object.fromEntries(pairs)] as const;
  });
}
